"""Gives Doxygen a header with its plain comments as documentation: those above a declaration, behind it, and at the file's head.

Usage: doxygen_filter.py HEADER
"""

import re
import sys

ABOVE = re.compile(r'^( *)// (.*)$')
BEHIND = re.compile(r'^(.*\S.*[;,{})])  // (.*)$')
NOT_TOLD = re.compile(r'^(NOLINT|namespace )')
CODE = re.compile(r'(`[^`]*`)')
MARKUP = re.compile(r'[\\@<>#%&$"]')


def plain(text):
  """The text, with what Doxygen would take for a command or for markup made plain, but for `code`."""
  return ''.join(part if part.startswith('`') else MARKUP.sub(r'\\\g<0>', part) for part in CODE.split(text))


def documented(lines):
  """Indented comments, which are examples and tables, stay as they are."""
  head = True
  verbatim = False
  for line in lines:
    above = ABOVE.match(line)
    behind = BEHIND.match(line)
    if verbatim != bool(above and above[2].startswith('  ')):
      verbatim = not verbatim
      yield '/// @verbatim' if verbatim else '/// @endverbatim'
    if above:
      if head:
        yield '/// @file'
      head = False
      yield f'{above[1]}/// {above[2] if verbatim else plain(above[2])}'
    elif behind and not NOT_TOLD.match(behind[2]):
      yield f'{behind[1]}  ///< {plain(behind[2])}'
    else:
      yield line


if __name__ == '__main__':
  with open(sys.argv[1], encoding='utf-8') as header:
    print('\n'.join(documented(header.read().splitlines())))
