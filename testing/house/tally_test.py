"""Feeds tally.py with runs of every kind."""

import os
import tempfile

import tally

TWO_CASES = ('<testsuites><testsuite name="p.a_test.Suite"><testcase name="One" status="run"/>'
             '<testcase name="Two" status="run">{}</testcase></testsuite></testsuites>')
RUNS = [
    ('passes', {'a_test': 'OK'}, TWO_CASES.format(''), (2, 0, 0)),
    ('a case fails', {'a_test': 'FAIL'}, TWO_CASES.format('<failure/>'), (1, 1, 0)),
    ('a case is skipped', {'a_test': 'OK'}, TWO_CASES.format('<skipped/>'), (1, 0, 1)),
    ('leaks after its last case', {'a_test': 'FAIL'}, TWO_CASES.format(''), (2, 1, 0)),
    ('crashes without a report', {'a_test': 'FAIL'}, '<testsuites><testsuite name="p"><testcase name="a_test"/></testsuite></testsuites>',
     (0, 1, 0)),
    ('times out', {'a_test': 'TIMEOUT'}, '<testsuites/>', (0, 1, 0)),
    ('is interrupted', {'a_test': 'INTERRUPT'}, '<testsuites/>', (0, 1, 0)),
    ('has no cases of its own', {'b': 'OK'}, '<testsuites><testsuite name="p"><testcase name="b"/></testsuite></testsuites>', (1, 0, 0)),
    ('holds a disabled case', {'a_test': 'OK'},
     '<testsuites><testsuite name="p.a_test.S"><testcase name="Off" status="notrun"/></testsuite></testsuites>', (0, 0, 0)),
    ('one of two programs crashes', {'a_test': 'OK', 'b_test': 'ERROR'}, TWO_CASES.format(''), (2, 1, 0)),
    ('is one of several suites', {'a_test': 'FAIL'}, TWO_CASES.format('<failure/>').replace('p.a_test', 'p.p:unit / a_test'), (1, 1, 0)),
    ('reports cases by TAP', {'a_test': 'FAIL'},
     '<testsuites><testsuite name="p.a_test"><testcase name="1"/><testcase name="2"><failure/></testcase></testsuite></testsuites>', (1, 1, 0)),
    ('prints what XML does not allow', {'a_test': 'FAIL'}, TWO_CASES.format('<failure>\x1b[31mred\x1b[0m</failure>'), (1, 1, 0)),
    ('prints what is not UTF-8', {'a_test': 'FAIL'}, TWO_CASES.format('<failure>\udcff\udcc3(</failure>'), (1, 1, 0)),
]


def cases_of(report):
  """As they are read from a file that has the report."""
  with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, 'testlog.junit.xml')
    with open(path, 'w', encoding='utf-8', errors='surrogateescape') as file:  # \udcff is the byte 0xff
      file.write(report)
    return tally.read_cases(path)


def results():
  """Yields (name, violations)."""
  for name, outcomes, report, expected in RUNS:
    sums = tally.Tally()
    tally.add_run(sums, outcomes, cases_of(report))
    seen = (sums.passed, len(sums.failed), len(sums.skipped))
    yield f'the tally of a program that {name}', [] if seen == expected else [f'expected {expected}, counted {seen}']
  lines = ['{"name": "unit / a_test", "result": "OK"}\n', '\n', '{"name": "b_test", "result": "FAIL"}\n']
  seen = tally.read_outcomes(lines)
  yield 'the log of outcomes', [] if seen == {'a_test': 'OK', 'b_test': 'FAIL'} else [str(seen)]
