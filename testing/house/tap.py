"""Runs tests that are functions, and prints TAP: for tests of programs and of documents."""

import subprocess


def check(true, complaint):
  if not true:
    raise AssertionError(complaint)


class Skip(Exception):
  """Raised by a test that cannot run here: why."""


def run(tests, *arguments):
  """Calls each test with the arguments; one fails by raising AssertionError, or is skipped. Returns the exit status."""
  print(f'1..{len(tests)}')
  failed = 0
  for number, test in enumerate(tests, 1):
    try:
      test(*arguments)
      print(f'ok {number} - {test.__name__}')
    except Skip as reason:
      print(f'ok {number} - {test.__name__} # SKIP {reason}')
    except (AssertionError, subprocess.TimeoutExpired) as complaint:
      failed += 1
      print(f'not ok {number} - {test.__name__}')
      print('\n'.join(f'# {line}' for line in str(complaint).splitlines()))
  return int(failed > 0)
