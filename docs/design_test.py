"""Holds what docs/design.md names against the tree, so that the page cannot rot. Prints TAP.

Usage: design_test.py SOURCE_ROOT
"""

import os
import re
import sys

import tap
from tap import check

SOURCES = ('.h', '.cc')
NAMED = re.compile(r'`([A-Z]\w+\.[A-Z]\w+)(?:/(\w+))?`')  # `Suite.Name`, or `Suite.Name/Check` of a conformance suite
PATH = re.compile(r'`((?:framework|transports|codecs|executors|testing|bench|examples)/[\w./]+)`')
TEST = re.compile(r'^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)', re.M)
TYPED_TEST = re.compile(r'^TYPED_TEST(?:_P)?\(\s*(\w+),\s*(\w+)\s*\)', re.M)
CHECK = re.compile(r'\{"(\w+)",')
DEFECTS = 39


class Design:

  def __init__(self, source_root):
    self.source_root = source_root
    with open(os.path.join(source_root, 'docs/design.md'), encoding='utf-8') as file:
      self.text = file.read()
    self.tests = set()
    self.checks = set()
    for folder, folders, names in os.walk(source_root):
      folders[:] = [name for name in folders if not name.startswith(('.', 'build'))]
      for name in names:
        if name.endswith(SOURCES):
          with open(os.path.join(folder, name), encoding='utf-8') as file:
            text = file.read()
          self.tests.update('.'.join(match) for pattern in (TEST, TYPED_TEST) for match in pattern.findall(text))
          self.checks.update(CHECK.findall(text))

  def rows(self):
    """The table of defects: (number, what closes it)."""
    return [(int(row[1]), row[2]) for row in re.finditer(r'^\| (\d+) \|[^|]*\|(.*)\|$', self.text, re.M)]


def every_test_it_names_exists(design):
  named = NAMED.findall(design.text)
  check(named, 'it names no test')
  gone = sorted({test for test, _ in named if test not in design.tests})
  gone += sorted({one for _, one in named if one and one not in design.checks})
  check(not gone, 'the tree has no ' + ', '.join(gone))


def every_file_it_names_exists(design):
  gone = [path for path in PATH.findall(design.text) if not os.path.exists(os.path.join(design.source_root, path))]
  check(not gone, 'the tree has no ' + ', '.join(gone))


def every_defect_has_its_row(design):
  numbers = [number for number, _ in design.rows()]
  check(numbers == list(range(1, DEFECTS + 1)), f'rows: {numbers}')


def every_defect_is_closed_by_a_test_or_a_type_or_is_open(design):
  for number, closed_by in design.rows():
    check(NAMED.search(closed_by) or '*type:*' in closed_by or '**open**' in closed_by, f'row {number} names no test, no type, and is not open')


TESTS = [every_test_it_names_exists, every_file_it_names_exists, every_defect_has_its_row,
         every_defect_is_closed_by_a_test_or_a_type_or_is_open]

if __name__ == '__main__':
  sys.exit(tap.run(TESTS, Design(*sys.argv[1:])))
