"""Holds what docs/design.md and docs/reliability.md name against the tree, so that the pages cannot rot. Prints TAP.

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
SAID = re.compile(r'`"([^"`]+)"`')  # by a simulated world or a fuzz target that fails
PAGES = ('design', 'reliability')
DEFECTS = 39
PROMISES = 40  # at least


class Pages:

  def __init__(self, source_root):
    self.source_root = source_root
    self.texts = {}
    for page in PAGES:
      with open(os.path.join(source_root, f'docs/{page}.md'), encoding='utf-8') as file:
        self.texts[page] = file.read()
    self.tests = set()
    self.checks = set()
    self.testing = []
    for folder, folders, names in os.walk(source_root):
      folders[:] = [name for name in folders if not name.startswith(('.', 'build'))]
      for name in names:
        if name.endswith(SOURCES):
          with open(os.path.join(folder, name), encoding='utf-8') as file:
            text = file.read()
          self.tests.update('.'.join(match) for pattern in (TEST, TYPED_TEST) for match in pattern.findall(text))
          self.checks.update(CHECK.findall(text))
          if folder.startswith(os.path.join(source_root, 'testing')):
            self.testing.append(text)

  def defects(self):
    """The table of defects: (number, what closes it)."""
    return [(int(row[1]), row[2]) for row in re.finditer(r'^\| (\d+) \|[^|]*\|(.*)\|$', self.texts['design'], re.M)]

  def promises(self):
    """The tables of promises: (promise, proof)."""
    tables = re.findall(r'^\| promise \|.*\n\|[-|]+\n((?:\|.*\n)+)', self.texts['reliability'], re.M)
    rows = [line.split('|') for table in tables for line in table.splitlines()]
    return [(row[1], row[-2]) for row in rows]


def every_test_they_name_exists(pages):
  for page, text in pages.texts.items():
    named = NAMED.findall(text)
    check(named, f'{page} names no test')
    gone = sorted({test for test, _ in named if test not in pages.tests})
    gone += sorted({one for _, one in named if one and one not in pages.checks})
    check(not gone, f'{page}: the tree has no ' + ', '.join(gone))


def every_file_they_name_exists(pages):
  for page, text in pages.texts.items():
    gone = [path for path in PATH.findall(text) if not os.path.exists(os.path.join(pages.source_root, path))]
    check(not gone, f'{page}: the tree has no ' + ', '.join(gone))


def every_failure_they_quote_is_told(pages):
  for page, text in pages.texts.items():
    untold = [words for words in SAID.findall(text) if not any(words in source for source in pages.testing)]
    check(not untold, f'{page}: testing/ does not say ' + ', '.join(untold))


def every_defect_has_its_row(pages):
  numbers = [number for number, _ in pages.defects()]
  check(numbers == list(range(1, DEFECTS + 1)), f'rows: {numbers}')


def every_defect_is_closed_by_a_test_or_a_type_or_is_open(pages):
  for number, closed_by in pages.defects():
    check(NAMED.search(closed_by) or '*type:*' in closed_by or '**open**' in closed_by, f'row {number} names no test, no type, and is not open')


def every_promise_names_a_test(pages):
  promises = pages.promises()
  check(len(promises) >= PROMISES, f'only {len(promises)} promises')
  for promise, proof in promises:
    check(NAMED.search(proof), f'no test proves:{promise}')


TESTS = [every_test_they_name_exists, every_file_they_name_exists, every_failure_they_quote_is_told, every_defect_has_its_row,
         every_defect_is_closed_by_a_test_or_a_type_or_is_open, every_promise_names_a_test]

if __name__ == '__main__':
  sys.exit(tap.run(TESTS, Pages(*sys.argv[1:])))
