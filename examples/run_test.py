"""Runs the examples as a reader would, and looks at what they print. Prints TAP.

Usage: run_test.py PROGRAM...   (the examples' programs, wherever the build put them)
"""

import os
import re
import subprocess
import sys
import tempfile

PATIENCE = 120  # seconds, for a machine that is busy and a program that is sanitized

BLOCKING = 'blocking: hi, I block [msgID 1111-2222]\n'
STAT_MACHINE = 'stat machine: hi, I do not [msgID 3333-4444]\n'


class Examples:

  def __init__(self, programs):
    self.programs = {os.path.basename(program): program for program in programs}
    self.abstract = f'@listenrain-examples-{os.getpid()}'  # a name that no other run of this test has

  def run(self, name, *words):
    """What the program printed. Complains if it failed, or wrote to standard error."""
    ended = subprocess.run([self.programs[name], *words], capture_output=True, text=True, timeout=PATIENCE)
    check(ended.returncode == 0 and not ended.stderr, f'{name} ended with {ended.returncode}: {ended.stderr}')
    return ended.stdout


def check(true, complaint):
  if not true:
    raise AssertionError(complaint)


def check_prints(printed, pattern):
  check(re.fullmatch(pattern, printed), f'it printed:\n{printed}\nnot: {pattern}')


def sayhi_over_tcp(examples, _):
  check_prints(examples.run('sayhi', 'tcp://127.0.0.1:0'),
               r'listening on tcp://127\.0\.0\.1:[1-9]\d*\n' + re.escape(BLOCKING + STAT_MACHINE))


def sayhi_over_a_unix_socket(examples, folder):
  key = f'unix://{folder}/sayhi.sock'
  check_prints(examples.run('sayhi', key), re.escape(f'listening on {key}\n' + BLOCKING + STAT_MACHINE))
  check(not os.listdir(folder), 'the socket file is still there')


def sayhi_within_the_process(examples, _):
  check_prints(examples.run('sayhi', 'inproc://sayhi'), re.escape('listening on inproc://sayhi\n' + BLOCKING + STAT_MACHINE))


def sayhi_server_and_client_are_two_programs(examples, _):
  with subprocess.Popen([examples.programs['server'], 'tcp://127.0.0.1:0'], stdout=subprocess.PIPE, text=True) as server:
    try:
      key = server.stdout.readline().removeprefix('listening on ').strip()
      for _ in range(2):
        check_prints(examples.run('client', key), re.escape(BLOCKING + STAT_MACHINE))
    finally:
      server.terminate()
    check(server.wait(PATIENCE) == 0, f'the server ended with {server.returncode}')


def a_client_without_a_server_says_so(examples, folder):
  key = f'unix://{folder}/nobody.sock'
  ended = subprocess.run([examples.programs['client'], key], capture_output=True, text=True, timeout=PATIENCE)
  check(ended.returncode == 1, f'it ended with {ended.returncode}')
  check(ended.stderr.startswith('client: UNAVAILABLE') and key in ended.stderr, ended.stderr)


def swap_transport_swaps(examples, folder):
  keys = [f'unix://{folder}/swap.sock', f'unix:{examples.abstract}', 'inproc://swap']
  check_prints(examples.run('swap_transport', 'tcp://127.0.0.1:0', *keys),
               r'tcp://127\.0\.0\.1:[1-9]\d*: rain!\n' + re.escape(''.join(f'{key}: rain!\n' for key in keys)))


def a_key_of_an_unknown_scheme_is_refused(examples, _):
  ended = subprocess.run([examples.programs['swap_transport'], 'pigeon://roof'], capture_output=True, text=True, timeout=PATIENCE)
  check(ended.returncode == 1 and 'UNIMPLEMENTED' in ended.stderr and 'pigeon' in ended.stderr, ended.stderr)


TESTS = [sayhi_over_tcp, sayhi_over_a_unix_socket, sayhi_within_the_process, sayhi_server_and_client_are_two_programs,
         a_client_without_a_server_says_so, swap_transport_swaps, a_key_of_an_unknown_scheme_is_refused]


def main():
  examples = Examples(sys.argv[1:])
  print(f'1..{len(TESTS)}')
  failed = 0
  for number, test in enumerate(TESTS, 1):
    with tempfile.TemporaryDirectory() as folder:
      try:
        test(examples, folder)
        print(f'ok {number} - {test.__name__}')
      except (AssertionError, subprocess.TimeoutExpired) as complaint:
        failed += 1
        print(f'not ok {number} - {test.__name__}')
        print('\n'.join(f'# {line}' for line in str(complaint).splitlines()))
  return failed > 0


if __name__ == '__main__':
  sys.exit(main())
