"""Builds programs out of the tree, as users do: against what is installed, with what pkg-config says. Prints TAP.

Usage: consumer_test.py BUILD_DIR PREFIX SOURCE_DIR COMPILER...
"""

import os
import resource
import subprocess
import sys
import tempfile

import tap
from tap import check

STRICT = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Werror']
MAX_COMPILE_SECONDS = 3  # of the processor, for the smallest program
PATIENCE = 120  # seconds, for a machine that is busy


def run(command, **options):
  """The output. The command must succeed."""
  done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False, **options)
  check(done.returncode == 0, f'{" ".join(command)}: exit status {done.returncode}\n{done.stdout}')
  return done.stdout


def install(build_dir, prefix, root):
  """Installs below root and returns the folder for pkg-config, told where the files really are."""
  run(['meson', 'install', '-C', build_dir, '--no-rebuild', '--destdir', root])
  for folder, _, names in os.walk(root):
    for name in (n for n in names if n.endswith('.pc')):
      path = os.path.join(folder, name)
      with open(path, encoding='utf-8') as file:
        text = file.read()
      with open(path, 'w', encoding='utf-8') as file:
        file.write(text.replace(f'prefix={prefix}\n', f'prefix={root}{prefix}\n'))
      packages = folder
  return packages


class Consumer:

  def __init__(self, source_dir, compiler, root, packages):
    self.source_dir = source_dir
    self.compiler = compiler
    self.root = root
    self.environment = {**os.environ, 'PKG_CONFIG_PATH': packages, 'CCACHE_DISABLE': '1'}

  def flags(self, kind, package):
    return run(['pkg-config', kind, package], env=self.environment).split()

  def compile(self, name, package):
    run(self.compiler + STRICT + self.flags('--cflags', package) +
        ['-c', os.path.join(self.source_dir, name + '.cc'), '-o', os.path.join(self.root, name + '.o')], env=self.environment)

  def link_and_run(self, name, package):
    program = os.path.join(self.root, name)
    run(self.compiler + [program + '.o', '-o', program] + self.flags('--libs', package), env=self.environment)
    run([program])


def hello_compiles_quickly_and_without_a_warning(consumer):
  before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
  consumer.compile('hello', 'listenrain')
  seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
  check(seconds <= MAX_COMPILE_SECONDS, f'hello.cc took {seconds:.1f} s of the processor; {MAX_COMPILE_SECONDS} at most')


def hello_says_hello(consumer):
  consumer.compile('hello', 'listenrain')
  consumer.link_and_run('hello', 'listenrain')


def own_codec_conforms(consumer):
  consumer.compile('own_codec', 'listenrain-testing')
  consumer.link_and_run('own_codec', 'listenrain-testing')


def main(build_dir, prefix, source_dir, compiler):
  with tempfile.TemporaryDirectory() as root:
    consumer = Consumer(source_dir, compiler, root, install(build_dir, prefix, root))
    return tap.run([hello_compiles_quickly_and_without_a_warning, hello_says_hello, own_codec_conforms], consumer)


if __name__ == '__main__':
  sys.exit(main(*sys.argv[1:4], sys.argv[4:]))
