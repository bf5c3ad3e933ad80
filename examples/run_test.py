"""Runs the examples as a reader would, and looks at what they print. Prints TAP.

Usage: run_test.py PROGRAM...   (the examples' programs, wherever the build put them)
"""

import os
import re
import subprocess
import sys
import tempfile

import tap
from tap import check

PATIENCE = 120  # seconds, for a machine that is busy and a program that is sanitized

BLOCKING = 'blocking: hi, I block [msgID 1111-2222]\n'
STAT_MACHINE = 'stat machine: hi, I do not [msgID 3333-4444]\n'


class Examples:

  def __init__(self, programs):
    self.programs = {os.path.basename(program): program for program in programs}

  def end(self, name, *words):
    """The program's end."""
    return subprocess.run([self.programs[name], *words], capture_output=True, text=True, timeout=PATIENCE, check=False)

  def run(self, name, *words):
    """What the program printed. Complains if it failed, or wrote to standard error."""
    ended = self.end(name, *words)
    check(ended.returncode == 0 and not ended.stderr, f'{name} ended with {ended.returncode}: {ended.stderr}')
    return ended.stdout


def check_prints(printed, pattern):
  check(re.fullmatch(pattern, printed), f'it printed:\n{printed}\nnot: {pattern}')


def sayhi_over_tcp(examples):
  check_prints(examples.run('sayhi', 'tcp://127.0.0.1:0'),
               r'listening on tcp://127\.0\.0\.1:[1-9]\d*\n' + re.escape(BLOCKING + STAT_MACHINE))


def sayhi_over_a_unix_socket(examples):
  with tempfile.TemporaryDirectory() as folder:
    key = f'unix://{folder}/sayhi.sock'
    check_prints(examples.run('sayhi', key), re.escape(f'listening on {key}\n' + BLOCKING + STAT_MACHINE))
    check(not os.listdir(folder), 'the socket file is still there')


def sayhi_within_the_process(examples):
  check_prints(examples.run('sayhi', 'inproc://sayhi'), re.escape('listening on inproc://sayhi\n' + BLOCKING + STAT_MACHINE))


def sayhi_server_and_client_are_two_programs(examples):
  with subprocess.Popen([examples.programs['server'], 'tcp://127.0.0.1:0'], stdout=subprocess.PIPE, text=True) as server:
    try:
      key = server.stdout.readline().removeprefix('listening on ').strip()
      for _ in range(2):
        check_prints(examples.run('client', key), re.escape(BLOCKING + STAT_MACHINE))
    finally:
      server.terminate()
    check(server.wait(PATIENCE) == 0, f'the server ended with {server.returncode}')


def a_client_without_a_server_says_so(examples):
  with tempfile.TemporaryDirectory() as folder:
    key = f'unix://{folder}/nobody.sock'
    ended = examples.end('client', key)
    check(ended.returncode == 1, f'it ended with {ended.returncode}')
    check(ended.stderr.startswith('client: UNAVAILABLE') and key in ended.stderr, ended.stderr)


def swap_transport_swaps(examples):
  with tempfile.TemporaryDirectory() as folder:
    keys = [f'unix://{folder}/swap.sock', f'unix:@listenrain-examples-{os.getpid()}', 'inproc://swap']
    check_prints(examples.run('swap_transport', 'tcp://127.0.0.1:0', *keys),
                 r'tcp://127\.0\.0\.1:[1-9]\d*: rain!\n' + re.escape(''.join(f'{key}: rain!\n' for key in keys)))


def a_key_of_an_unknown_scheme_is_refused(examples):
  ended = examples.end('swap_transport', 'pigeon://roof')
  check(ended.returncode == 1 and 'UNIMPLEMENTED' in ended.stderr and 'pigeon' in ended.stderr, ended.stderr)


def coroutines_ask_each_other(examples):
  for keys in [('tcp://127.0.0.1:0', 'inproc://prices'), ('inproc://shop', f'unix:@listenrain-prices-{os.getpid()}')]:
    check_prints(examples.run('coroutines', *keys, 'boots', 'snow', 'umbrella'),
                 re.escape('one boots for 30\nnobody sells snow\none umbrella for 12\n'))


def a_protocol_of_ones_own(examples):
  for key in ['tcp://127.0.0.1:0', 'inproc://text']:
    check_prints(examples.run('custom_protocol', key),
                 re.escape('ECHO three words here -> three words here\nDANCE -> what is "DANCE"?\n'))


def push_tells_everybody_in_the_room(examples):
  for key in ['tcp://127.0.0.1:0', f'unix:@listenrain-room-{os.getpid()}', 'inproc://room']:
    check_prints(examples.run('push', key),
                 re.escape('welcome, ada\nwelcome, bob\nbob hears: bob: good evening\n'
                           'ada hears: bob: good evening\nada hears: bob has left\n'))


def a_stat_machine_takes_a_conversation_to_its_end(examples):
  for key in ['tcp://127.0.0.1:0', 'inproc://office']:
    check_prints(examples.run('state_machine', key),
                 re.escape('with 25: got a ticket for seat 7\nwith 5: too little money: seat 7 is free again\n'))


def a_bank_that_ends_and_begins_again_makes_no_transfer_twice(examples):
  told = 'transfer 1 is made\ntransfer 2 is refused\nada has 30\nbob has 170\n'
  with tempfile.TemporaryDirectory() as folder:
    for key in ['tcp://127.0.0.1:0', 'inproc://bank']:
      check_prints(examples.run('bank', f'{folder}/journal', key), re.escape(told))
    ended = examples.end('bank', f'{folder}/nowhere/journal', 'inproc://bank')
    check(ended.returncode == 1 and ended.stderr.startswith('bank: UNAVAILABLE'), ended.stderr)


def the_banks_worlds_are_clean_and_the_same_each_time(examples):
  first, second = (examples.run('bank_worlds', '--seeds=100') for _ in range(2))
  check_prints(first, r'100 worlds are clean; hash [0-9a-f]{16}\n')
  check(first == second, f'{first}, and then {second}')
  check(first != examples.run('bank_worlds', '--seeds=100', '--from=2'), 'other seeds have the same history')


def the_banks_bug_is_found_and_found_again(examples):
  ended = examples.end('bank_worlds', '--seeds=1000', '--bug')
  found = re.match(r'seed (\d+) fails: .* should have .*, but has ', ended.stdout)
  check(ended.returncode == 1 and found, f'it ended with {ended.returncode}: {ended.stdout}{ended.stderr}')
  print(f'# found by seed {found[1]}')
  shorter = re.search(r'^(\d+) transfers and (\d+) faults do as well', ended.stdout, re.M)
  check(int(shorter[1]) < 20 and int(shorter[2]) < 10, ended.stdout)
  again = re.search(r'^again: bank_worlds (.*)$', ended.stdout, re.M)[1].split()
  check(examples.end('bank_worlds', *again).stdout == ended.stdout, f'{again} says otherwise')
  check_prints(examples.run('bank_worlds', '--seeds=1', f'--from={found[1]}'), r'1 worlds are clean; hash \w+\n')


TESTS = [sayhi_over_tcp, sayhi_over_a_unix_socket, sayhi_within_the_process, sayhi_server_and_client_are_two_programs,
         a_client_without_a_server_says_so, swap_transport_swaps, a_key_of_an_unknown_scheme_is_refused,
         coroutines_ask_each_other, a_protocol_of_ones_own, push_tells_everybody_in_the_room,
         a_stat_machine_takes_a_conversation_to_its_end, a_bank_that_ends_and_begins_again_makes_no_transfer_twice,
         the_banks_worlds_are_clean_and_the_same_each_time, the_banks_bug_is_found_and_found_again]

if __name__ == '__main__':
  sys.exit(tap.run(TESTS, Examples(sys.argv[1:])))
