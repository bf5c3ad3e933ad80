"""Holds docs/tutorial.md, docs/extending.md and docs/simulating.md against the files that they show, which other tests build and run; and the
links of docs/reliability.md and docs/performance.md. Prints TAP.

Usage: guides_test.py SOURCE_ROOT
"""

import os
import re
import sys

import tap
from tap import check

LINK = re.compile(r'\]\((?!http|#)([^)#]+)')
BLOCK = re.compile(r'^```(?:cpp|cmake)\n(.*?)^```$', re.M | re.S)
CONSUMER = 'testing/consumer'


class Page:

  def __init__(self, source_root, name):
    self.source_root = source_root
    self.text = self.read(name)

  def sections(self):
    return self.text.split('\n## ')

  def links(self, text):
    """The files and folders that its prose links to, from the top of the tree."""
    prose = re.sub(r'^```.*?^```$', '', text, flags=re.M | re.S)
    return [os.path.normpath(os.path.join('docs', link)) for link in LINK.findall(prose)]

  def path(self, name):
    return os.path.join(self.source_root, name)

  def read(self, name):
    with open(self.path(name), encoding='utf-8') as file:
      return file.read()


def check_blocks(page, least):
  blocks = 0
  for section in page.sections():
    texts = [page.read(name) for name in page.links(section) if os.path.isfile(page.path(name))]
    for block in BLOCK.findall(section):
      blocks += 1
      check(any(block in text for text in texts), f'the tree has it otherwise:\n{block}')
  check(blocks > least, f'it has {blocks} blocks')


def check_links(page):
  for name in page.links(page.text):
    check(os.path.exists(page.path(name)), f'there is no {name}')


def the_tutorial_shows_what_the_examples_have(guides):
  check_blocks(guides['tutorial'], 8)


def extending_shows_what_the_parts_have(guides):
  check_blocks(guides['extending'], 10)


def simulating_shows_what_the_bank_has(guides):
  check_blocks(guides['simulating'], 8)


def every_fault_and_every_state_is_told(guides):
  header = guides['simulating'].read('testing/sim_faults.h')
  for name in re.findall(r'^  X\(\w+, +"([^"]+)"\)', header, re.M):
    check(f'\n| {name} |' in guides['simulating'].text, f'no table has a row for "{name}"')


def each_part_out_of_the_tree_is_shown(guides):
  page = guides['extending']
  parts = [name for name in os.listdir(os.path.join(page.source_root, CONSUMER)) if name.startswith('own_')]
  check(len(parts) >= 5, f'only {parts}')
  for name in parts:
    check(f'{CONSUMER}/{name}' in page.links(page.text), f'it does not link to {name}')


def what_they_link_to_is_there(guides):
  for page in guides.values():
    check_links(page)


TESTS = [the_tutorial_shows_what_the_examples_have, extending_shows_what_the_parts_have, simulating_shows_what_the_bank_has,
         every_fault_and_every_state_is_told, each_part_out_of_the_tree_is_shown, what_they_link_to_is_there]

if __name__ == '__main__':
  sys.exit(tap.run(TESTS, {name: Page(sys.argv[1], f'docs/{name}.md') for name in ['tutorial', 'extending', 'simulating', 'reliability', 'performance']}))
