"""Feeds fuzz_runs.py with what libFuzzer writes."""

import sys

import fuzz_runs
import tap

LOG = '''INFO: Running with entropic power schedule (0xFF, 100).
#2 INITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 30Mb
#57 NEW    cov: 12 ft: 20 corp: 2/2b lim: 4 exec/s: 0 rss: 30Mb L: 1/1 MS: 1 ChangeBit-
#90 REDUCE cov: 12 ft: 21 corp: 2/2b lim: 4 exec/s: 0 rss: 30Mb L: 1/1 MS: 1 EraseBytes-
stat::number_of_executed_units: 90
'''
FALL = "artifact_prefix='build-fuzz/crashes/x/'; Test unit written to build-fuzz/crashes/x/crash-12ab\n"
SLOW = "artifact_prefix='build-fuzz/crashes/x/'; Test unit written to build-fuzz/crashes/x/slow-unit-12ab\n"


def run_of(log):
  run = fuzz_runs.Run('x')
  for at, line in enumerate(log.splitlines()):
    run.read(line, float(at))
  run.seconds = 10.0
  run.processor_seconds = 5.0
  return run


def counts_and_sees_when_coverage_last_grew():
  row = run_of(LOG).row()
  tap.check(row == ['x', 90, 9, 18, 12, 21, 2, 0, 'ok'], row)


def a_crash_is_kept_a_slow_unit_is_none():
  run = run_of(LOG + SLOW + FALL)
  tap.check(run.fell == ['build-fuzz/crashes/x/crash-12ab'], run.fell)
  tap.check(run.row()[-2:] == [1, 'fell'], run.row())


def columns_stand_below_their_heads():
  lines = fuzz_runs.table([run_of(LOG)]).splitlines()
  tap.check(lines[0].index('edges') + len('edges') == lines[1].index('12') + len('12'), lines)


sys.exit(tap.run([counts_and_sees_when_coverage_last_grew, a_crash_is_kept_a_slow_unit_is_none, columns_stand_below_their_heads]))
