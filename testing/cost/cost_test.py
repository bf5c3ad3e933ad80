#!/usr/bin/env python3
"""Holds what one call costs against the budgets in this folder, a file for each compiler: allocations, bytes copied, system calls,
instructions. None of these depends on how busy the machine is. Prints TAP.

Usage: cost_test.py [--update] BUILD   (--update: builds what measures, and what is measured now becomes the budget)
"""

import concurrent.futures
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
SOURCE_ROOT = os.path.dirname(os.path.dirname(FOLDER))  # where the commands that are told are given
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(FOLDER, '../house'))
import tap
from tap import Skip, check

CALLS = 1280  # whole rounds of 64
CALLS_TRACED = 5 * CALLS  # so many that what differs in how a process begins and ends is nothing
PATIENCE = 120  # seconds, of each run
CHEAPER = 0.97  # of a budget: below that it should be lowered
PART = 0.005  # of the whole: smaller parts are not written down
ONE_MEMCPY = 'glibc.cpu.hwcaps=-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM'  # on all machines; and one strlen, ...
TOLERANCES = {'allocations': '0', 'bytes copied': '0', 'system calls': '0.005', 'instructions': '1 %'}
CARRIERS = {'allocations': ('inproc', 'same_loop', 'tcp'), 'bytes copied': ('inproc', 'same_loop', 'tcp'), 'system calls': ('tcp', 'attached'),
            'instructions': ('inproc', 'same_loop', 'tcp', 'attached')}
PARALLEL = (1, 64)
COUNTED = 'rain::EchoCalls::Run(int, int)'  # with all that it calls: what the other threads do is to begin and to end
WHY = {
    'allocations': '{build}/testing/cost/counted_calls {carrier} {parallel} 1280  # the first one\'s stack, for addr2line -Cfpe',
    'bytes copied': '{build}/testing/cost/counted_calls {carrier} {parallel} 1280  # how often how many bytes',
    'system calls': 'strace -f {build}/testing/cost/calls {carrier} {parallel} 1280',
    'instructions': f'valgrind --tool=callgrind --callgrind-out-file=callgrind.out --toggle-collect="{COUNTED}" '
                    '{build}/testing/cost/calls {carrier} {parallel} 12800 && callgrind_annotate callgrind.out',
}


def run(command, **more):
  done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, **more)
  check(done.returncode == 0, f'{" ".join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}')
  return done.stdout


def text_of(number):
  return f'{number:,.0f}' if number >= 100 or number == int(number) else f'{number:.2f}'


def rounded(number):
  return float(f'{number:.6g}')


def cases(measure):
  return [(carrier, parallel) for carrier in CARRIERS[measure] for parallel in PARALLEL]


def tolerance_of(text, limit):
  """In calls' units; with what rounding may do."""
  share = float(text.strip(' %'))
  return (limit * share / 100 if '%' in text else share) + limit * 1e-5 + 1e-9


class Programs:
  """Measures: each returns {part: how much of it one call needs}, whose sum is what counts."""

  def __init__(self, build):
    self.build = build

  def program(self, name, *arguments):
    return [os.path.join(self.build, 'testing/cost', name), *map(str, arguments)]

  def difference(self, measure, carrier, parallel, calls):
    """What one call adds: without what the process needs to begin, to warm up and to end."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
      once, twice = pool.map(measure, [self.program('calls', carrier, parallel, many) for many in (calls, 2 * calls)])
    return {part: (twice.get(part, 0) - once.get(part, 0)) / calls for part in {**once, **twice}}

  def counted(self, kind, carrier, parallel):
    lines = run(self.program('counted_calls', carrier, parallel, CALLS)).splitlines()
    return [list(map(int, line.split()[1:])) for line in lines if line.startswith(kind)]

  def allocations(self, carrier, parallel):
    return {'allocations': sum(count for count, in self.counted('allocations', carrier, parallel)) / CALLS}

  def bytes_copied(self, carrier, parallel):
    return {f'in pieces of {size}': size * count / CALLS for size, count in self.counted('copies', carrier, parallel)}

  def system_calls(self, carrier, parallel):
    return self.difference(self.traced, carrier, parallel, CALLS_TRACED)

  def traced(self, command):
    if not shutil.which('strace'):
      raise Skip('there is no strace')
    probe = subprocess.run(['strace', '-o', os.devnull, 'true'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    if probe.returncode != 0:
      raise Skip(f'strace may not trace here: {probe.stderr.strip()}')
    with tempfile.NamedTemporaryFile('r', encoding='utf-8') as sums:
      run(['strace', '-f', '-c', '-U', 'calls,name', '-o', sums.name, *command])
      return {name: int(count) for count, name in re.findall(r'^ *(\d+) (\w+)$', sums.read(), re.M) if name != 'total'}

  def instructions(self, carrier, parallel):
    return self.difference(self.profiled, carrier, parallel, CALLS)

  def profiled(self, command):
    """The instructions of each function, without those of the ones it calls."""
    if not shutil.which('valgrind'):
      raise Skip('there is no valgrind')
    with tempfile.NamedTemporaryFile('r', encoding='utf-8') as profile:
      run(['valgrind', '--tool=callgrind', f'--callgrind-out-file={profile.name}', f'--toggle-collect={COUNTED}', *command],
          env={**os.environ, 'GLIBC_TUNABLES': ONE_MEMCPY})
      return own_costs(profile)


def own_costs(profile):
  """The sums of a file of callgrind's by function, without those of the functions that it calls."""
  names, costs, function, of_callee = {}, {}, None, False
  for line in profile:
    if match := re.match(r'(c?)fn=(\(\d+\))(?: (.*))?', line):
      name = names.setdefault(match[2], short(match[3] or ''))
      function = function if match[1] else name
    elif line.startswith('calls='):
      of_callee = True
    elif line[0] in '+-*0123456789':
      if not of_callee:
        costs[function] = costs.get(function, 0) + int(line.split()[1])
      of_callee = False
  return costs


def short(function):
  name = function.replace('(anonymous namespace)::', '').replace('absl::debian3::', 'absl::')
  return re.sub(r'[(@].*', '', re.sub(r'^decltype \(.*?\)\) ', '', name))


class Budgets:

  def __init__(self, build):
    self.build = os.path.relpath(build, SOURCE_ROOT)
    self.programs = Programs(os.path.abspath(build))
    with open(os.path.join(build, 'testing/cost/build.json'), encoding='utf-8') as file:
      made = json.load(file)
    self.path = os.path.join(FOLDER, made['compiler'] + '.json')
    self.unlike = made['unlike']
    if (made['machine'], platform.machine()) != ('x86_64', 'x86_64'):
      self.unlike = f'the machine is a {made["machine"]}'
    self.known = {}
    if os.path.exists(self.path):
      with open(self.path, encoding='utf-8') as file:
        self.known = json.load(file)

  def parts(self, measure, carrier, parallel):
    return getattr(self.programs, measure.replace(' ', '_'))(carrier, parallel)

  def hold(self, measure):
    dearer = []
    for carrier, parallel in cases(measure):
      budget = self.known['budgets'][f'{carrier}, parallel {parallel}'][measure]
      limit = budget['total']
      allowed = limit + tolerance_of(self.known['tolerances'][measure], limit)
      parts = self.parts(measure, carrier, parallel)
      for _ in range(2):
        # Where time is the machine's, tables are given back in a standstill of a second, and made again: not the call's fault.
        if sum(parts.values()) > allowed and carrier in ('tcp', 'attached'):
          parts = min(parts, self.parts(measure, carrier, parallel), key=lambda each: sum(each.values()))
      now = sum(parts.values())
      change = f' ({100 * (now - limit) / limit:+.1f} %)' if limit else ''
      told = f'{measure} per call over {carrier} at parallel {parallel}: {text_of(now)}, budget {text_of(limit)}{change}'
      if now > allowed:
        why = '  why: ' + WHY[measure].format(build=self.build, carrier=carrier, parallel=parallel)
        dearer += [told, *grown(parts, budget), why]
      elif now < limit * CHEAPER:
        print(f'# {told}: cheaper; so that it stays so: {self.update_command()}')
      else:
        print(f'# {told}')
    dearer.append(f'A call has become dearer: find out why, or, if it is worth it, raise the budget in {os.path.relpath(self.path, SOURCE_ROOT)}: '
                  f'{self.update_command()}')
    check(len(dearer) == 1, '\n'.join(dearer))

  def update_command(self):
    return f'testing/cost/cost_test.py --update {self.build}'

  def update(self):
    subprocess.run(['ninja', '--quiet', '-C', self.programs.build, 'testing/cost/calls', 'testing/cost/counted_calls'], check=True)
    budgets = {}
    for measure in CARRIERS:
      for carrier, parallel in cases(measure):
        parts = self.parts(measure, carrier, parallel)
        total = sum(parts.values())
        written = {part: rounded(number) for part, number in sorted(parts.items()) if number > total * PART}
        budgets.setdefault(f'{carrier}, parallel {parallel}', {})[measure] = {'total': rounded(total), **written}
        print(f'{measure} per call over {carrier} at parallel {parallel}: {text_of(total)}')
    with open(self.path, 'w', encoding='utf-8') as file:
      json.dump({'about': 'Written by cost_test.py --update: what one call needs, and its larger parts',
                 'tolerances': self.known.get('tolerances', TOLERANCES), 'budgets': budgets}, file, indent=1)
      file.write('\n')


def grown(parts, budget):
  """The parts that have grown most. One that the budget does not name was small, or was not."""
  small = budget['total'] * PART
  more = {part: number - budget.get(part, 0 if number > 2 * small else small) for part, number in parts.items()}
  largest = sorted(more, key=more.get, reverse=True)[:5]
  return [f'  {more[part]:+,.2f} {part}' for part in largest if more[part] > small / 10]


def no_call_allocates_more(budgets):
  budgets.hold('allocations')


def no_call_copies_more(budgets):
  budgets.hold('bytes copied')


def no_call_needs_more_system_calls(budgets):
  budgets.hold('system calls')


def no_call_needs_more_instructions(budgets):
  budgets.hold('instructions')


TESTS = [no_call_allocates_more, no_call_copies_more, no_call_needs_more_system_calls, no_call_needs_more_instructions]


def main(arguments):
  update = '--update' in arguments
  budgets = Budgets(*[argument for argument in arguments if argument != '--update'])
  if budgets.unlike:
    reason = f'budgets hold for the build of ./test.sh release or clang on x86_64; here {budgets.unlike}'
  elif not budgets.known and not update:
    reason = f'there are no budgets for this compiler: {budgets.update_command()} makes {os.path.relpath(budgets.path)}'
  else:
    return budgets.update() if update else tap.run(TESTS, budgets)
  print(reason if update else f'1..0 # SKIP {reason}')
  return int(update)


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
