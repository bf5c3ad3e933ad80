"""Runs fuzz targets that are built, and tells how far each came. For ../../fuzz.sh, which says what the options are.

Usage: fuzz_runs.py [--seconds=60] [--jobs=1] [--grow] TARGET...   (at the top of the tree)

Exit status 1 if a target fell.
"""

import argparse
import concurrent.futures
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

BUILD = 'build-fuzz'
TREE = 'testing/fuzz/corpus'
PROGRESS = re.compile(r'^#\d+\s.*\bcov: (\d+) ft: (\d+)')
EXECUTIONS = re.compile(r'^stat::number_of_executed_units:\s*(\d+)')
FELL = re.compile(r'Test unit written to (\S*/(?:crash|leak|timeout|oom)-\w+)')


class Run:
  """What the lines of one run say."""

  def __init__(self, target):
    self.target = target
    self.executions = 0
    self.edges = 0
    self.features = 0
    self.grew_at = 0.0  # seconds, when edges were last more than before
    self.fell = []  # the inputs
    self.seconds = 0.0
    self.processor_seconds = 0.0
    self.status = 0

  def read(self, line, at):
    if progress := PROGRESS.match(line):
      edges, self.features = int(progress[1]), int(progress[2])
      if edges > self.edges:
        self.edges, self.grew_at = edges, at
    elif executions := EXECUTIONS.match(line):
      self.executions = int(executions[1])
    elif fell := FELL.search(line):
      self.fell.append(fell[1])

  def row(self):
    ended = 'fell' if self.fell else 'ok' if self.status == 0 else f'status {self.status}'
    rates = [round(self.executions / max(seconds, 1)) for seconds in (self.seconds, self.processor_seconds)]
    return [self.target, self.executions, *rates, self.edges, self.features, round(self.grew_at), len(self.fell), ended]


HEAD = ['target', 'executions', 'per second', 'per CPU second', 'edges', 'features', 'last grew (s)', 'crashes', '']


def table(runs):
  rows = [HEAD] + [[str(cell) for cell in run.row()] for run in runs]
  widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
  lines = []
  for row in rows:
    cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1])] + [row[-1]]
    lines.append('  '.join(cells).rstrip())
  return '\n'.join(lines)


def program_of(target):
  return f'{BUILD}/testing/fuzz/{target}_fuzz'


def corpora_of(target):
  """What was found here, then the tree's."""
  return [f'{BUILD}/corpus/{target}', f'{TREE}/{target}']


def fuzz(target, seconds):
  crashes = f'{BUILD}/crashes/{target}/'
  for folder in [crashes, *corpora_of(target)]:
    os.makedirs(folder, exist_ok=True)
  command = [program_of(target), f'-max_total_time={seconds}', '-timeout=20', '-rss_limit_mb=2048', '-print_final_stats=1', '-reload=0', '-entropic=0',
             f'-artifact_prefix={crashes}', *corpora_of(target)]
  run = Run(target)
  begun = time.monotonic()
  with open(f'{BUILD}/{target}.log', 'w', encoding='utf-8') as log:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding='utf-8', errors='replace') as process:
      for line in process.stdout:
        log.write(line)
        run.read(line, time.monotonic() - begun)
      _, status, usage = os.wait4(process.pid, 0)
      run.status = process.returncode = os.waitstatus_to_exitcode(status)
  run.processor_seconds = usage.ru_utime + usage.ru_stime
  run.seconds = time.monotonic() - begun
  print(f'{target}: {run.executions} executions, {run.edges} edges{", FELL" if run.fell else ""}', flush=True)
  return run


def grow(target):
  """The tree's corpus becomes the fewest and smallest inputs that reach what all of them reach, each named after its contents."""
  found, tree = corpora_of(target)
  with tempfile.TemporaryDirectory() as fewest:
    subprocess.run([program_of(target), '-merge=1', '-use_counters=0', fewest, tree, found], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    shutil.rmtree(tree)
    os.makedirs(tree)
    for name in os.listdir(fewest):
      with open(os.path.join(fewest, name), 'rb') as file:
        content = file.read()
      with open(os.path.join(tree, hashlib.sha1(content).hexdigest()[:10]), 'wb') as file:
        file.write(content)


def main(words):
  parser = argparse.ArgumentParser()
  parser.add_argument('--seconds', type=int, default=60)
  parser.add_argument('--jobs', type=int, default=1)
  parser.add_argument('--grow', action='store_true')
  parser.add_argument('targets', nargs='+')
  options = parser.parse_args(words)
  with concurrent.futures.ThreadPoolExecutor(options.jobs) as workers:
    runs = list(workers.map(lambda target: fuzz(target, options.seconds), options.targets))
  if options.grow:
    for run in runs:
      if run.status == 0:
        grow(run.target)
  print(table(runs))
  for run in runs:
    if run.status == 0:
      continue
    print(f'\n{run.target} fell: {BUILD}/{run.target}.log')
    for path in run.fell:
      print(f'  replay: {program_of(run.target)} {path}')
  return int(any(run.status != 0 for run in runs))


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
