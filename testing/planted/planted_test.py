"""Each planted bug still applies to the tree, exactly. Prints TAP.

Usage: planted_test.py SOURCE_ROOT
"""

import glob
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(sys.argv[1], 'testing/house'))
import tap
from tap import check

AT_LEAST = 10


def patches_apply(source_root):
  patches = sorted(glob.glob(os.path.join(source_root, 'testing/planted/*.patch')))
  check(len(patches) >= AT_LEAST, f'{len(patches)} patches')
  for path in patches:
    applied = subprocess.run(['patch', '--dry-run', '--batch', '--fuzz=0', '--strip=1', '--directory', source_root, '--input', path],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    check(applied.returncode == 0, f'{path}: make it anew:\n{applied.stdout}')


if __name__ == '__main__':
  sys.exit(tap.run([patches_apply], sys.argv[1]))
