"""Takes README.md at its word: compiles its program with its command, and runs it. Prints TAP.

Usage: readme_test.py SOURCE_ROOT BUILD_ROOT COMPILER
"""

import os
import re
import resource
import subprocess
import sys
import tempfile

import tap
from tap import check

MAX_COMPILE_SECONDS = 15  # of the processor, so that a busy machine is no failure; the goal on an idle one is 3
PATIENCE = 600


class Readme:

  def __init__(self, source_root, build_root, compiler):
    self.source_root = source_root
    self.build_root = build_root
    self.compiler = compiler
    with open(os.path.join(source_root, 'README.md'), encoding='utf-8') as file:
      self.text = file.read()

  def block(self, language, having):
    """The only block in that language that has these words."""
    blocks = [block for block in re.findall(rf'^```{language}\n(.*?)^```$', self.text, re.M | re.S) if having in block]
    check(len(blocks) == 1, f'{len(blocks)} blocks of {language} have "{having}", not 1')
    return blocks[0]

  def run(self, command, folder):
    """Runs a command of the README, which names the compiler c++, as if the tree were installed."""
    command = re.sub(r'^c\+\+(?= )', f'{self.compiler} -I{self.build_root}/include', command)
    env = dict(os.environ, PKG_CONFIG_PATH=os.path.join(self.build_root, 'meson-uninstalled'), LD_LIBRARY_PATH=self.build_root)
    ended = subprocess.run(command, cwd=folder, env=env, shell=True, capture_output=True, text=True, timeout=PATIENCE, check=False)
    check(ended.returncode == 0, f'{command}\n{ended.stdout}{ended.stderr}')
    return ended.stdout + ended.stderr


def the_coroutine_is_the_examples(readme):
  with open(os.path.join(readme.source_root, 'examples/coroutines/coroutines.cc'), encoding='utf-8') as file:
    check(readme.block('cpp', 'co_await') in file.read(), 'examples/coroutines has it otherwise')


def the_program_compiles_quickly_and_runs(readme):
  program = readme.block('cpp', 'int main')
  command = next(line for line in readme.block('sh', 'pkg-config').splitlines() if line.startswith('c++ '))
  with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, 'hello.cc'), 'w', encoding='utf-8') as file:
      file.write(program)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = readme.run(command, folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    check(not said, said)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f'# compiled and linked in {seconds:.1f} s of the processor')
    check(seconds < MAX_COMPILE_SECONDS, f'{seconds:.1f} s of the processor to compile and link; {MAX_COMPILE_SECONDS} at most')
    printed = readme.run('./hello', folder)
    check(printed == 'hello, rain\n', f'it printed: {printed}')


def the_program_has_twenty_lines(readme):
  lines = [line for line in readme.block('cpp', 'int main').splitlines() if line.strip()]
  check(len(lines) <= 20, f'{len(lines)} lines')


def what_it_links_to_is_there(readme):
  prose = re.sub(r'^```.*?^```$|`[^`]*`', '', readme.text, flags=re.M | re.S)
  paths = re.findall(r'\]\((?!http|#)([^)#]+)', prose)
  check(paths, 'it links to nothing')
  for path in paths:
    check(os.path.exists(os.path.join(readme.source_root, path)), f'there is no {path}')


TESTS = [the_coroutine_is_the_examples, the_program_compiles_quickly_and_runs, the_program_has_twenty_lines,
         what_it_links_to_is_there]

if __name__ == '__main__':
  sys.exit(tap.run(TESTS, Readme(*sys.argv[1:])))
