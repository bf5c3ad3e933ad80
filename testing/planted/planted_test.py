"""Each planted bug still applies to the tree, exactly, and is of a kind that find.sh knows. Prints TAP.

Usage: planted_test.py SOURCE_ROOT
"""

import glob
import os
import re
import subprocess
import sys

sys.path[:0] = [os.path.join(sys.argv[1], folder) for folder in ('testing/house', 'testing/cost')]
import cost_test
import tap
from tap import check

AT_LEAST = 13


def patches_apply(source_root):
  patches = sorted(glob.glob(os.path.join(source_root, 'testing/planted/*.patch')))
  check(len(patches) >= AT_LEAST, f'{len(patches)} patches')
  for path in patches:
    applied = subprocess.run(['patch', '--dry-run', '--batch', '--fuzz=0', '--strip=1', '--directory', source_root, '--input', path],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    check(applied.returncode == 0, f'{path}: make it anew:\n{applied.stdout}')


def kinds_are_known(source_root):
  for path in glob.glob(os.path.join(source_root, 'testing/planted/*.patch')):
    with open(path, encoding='utf-8') as file:
      first = file.readline()
    dearer = re.match(r'Makes a call dearer by ([a-z ]*): ', first)
    check(first.startswith('--- a/') or dearer and dearer[1] in cost_test.CARRIERS, f'{path} begins with neither a file nor a cost: {first}')


if __name__ == '__main__':
  sys.exit(tap.run([patches_apply, kinds_are_known], sys.argv[1]))
