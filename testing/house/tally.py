"""Adds up the cases of test runs from meson's logs and prints the sums.

Usage: tally.py LOG...   (build/meson-logs/testlog, as it is for `meson test --logbase testlog`)

Exit status 1 if a case failed, or if none ran.
A program that ended badly though none of its cases failed (a crash, a leak, a race, a timeout) counts as one failure.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree


class Tally:

  def __init__(self):
    self.passed = 0
    self.failed = []
    self.skipped = []

  def add_case(self, name, case):
    if case.find('failure') is not None or case.find('error') is not None:
      self.failed.append(name)
    elif case.find('skipped') is not None:
      self.skipped.append(name)
    elif case.get('status', 'run') == 'run':
      self.passed += 1


def bare(name):
  """The program, of what meson calls it: "project:suite / program" where there are several suites."""
  return name.split(' / ')[-1]


def add_run(tally, outcomes, junit):
  """outcomes: {program: meson's word for how it ended}. junit: the root of the cases' report."""
  failed_within = set()
  reported = set()
  for suite in junit.iter('testsuite'):
    _, *words = suite.get('name').split('.', 2)  # project[.program[.suite]]
    if not words:  # programs without cases of their own: their outcomes are the cases
      continue
    program = words[0] = bare(words[0])
    for case in suite.iter('testcase'):
      before = len(tally.failed)
      tally.add_case('.'.join([*words, case.get('name')]), case)
      reported.add(program)
      if len(tally.failed) > before:
        failed_within.add(program)
  for program, outcome in outcomes.items():
    if outcome == 'SKIP':
      tally.skipped.append(program)
    elif outcome != 'OK' and program not in failed_within:
      tally.failed.append(f'{program} ({outcome})')
    elif outcome == 'OK' and program not in reported:
      tally.passed += 1


def read_outcomes(lines):
  runs = [json.loads(line) for line in lines if line.strip()]
  return {bare(run['name']): run['result'] for run in runs}


def read_cases(path):
  """Meson writes into its report whatever a program printed, be it allowed in XML or not."""
  with open(path, encoding='utf-8', errors='replace') as file:
    return ElementTree.fromstring(re.sub('[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]', '?', file.read()))


def main(logs):
  tally = Tally()
  for log in logs:
    with open(log + '.json', encoding='utf-8') as file:
      outcomes = read_outcomes(file)
    add_run(tally, outcomes, read_cases(log + '.junit.xml'))
  for name in tally.skipped:
    print(f'skipped: {name}')
  for name in tally.failed:
    print(f'failed: {name}')
  print(f'{tally.passed} passed, {len(tally.failed)} failed')
  return 0 if tally.passed and not tally.failed else 1


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
