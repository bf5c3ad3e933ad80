"""Builds programs out of the tree, as users do: against what is installed, with what pkg-config and CMake say. Prints TAP.

Usage: consumer_test.py BUILD_DIR PREFIX SOURCE_DIR COMPILER...
"""

import functools
import glob
import os
import resource
import subprocess
import sys
import tempfile

import tap
from tap import check

STRICT = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Werror']
MAX_COMPILE_SECONDS = 3  # of the processor, for the smallest program, on an idle machine
MAX_TIMES_YARDSTICK = 5  # on a busy one, where a second of the processor does less: so many times what this takes
YARDSTICK = """#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

int main() {
  std::map<std::string, std::vector<std::function<void()>>> all;
  all["hello"].push_back([] { std::cout << "hello"; });
  std::thread([&] { all["hello"][0](); }).join();
}
"""
PATIENCE = 300  # seconds, for a machine that is busy


def run(command, **options):
  """The output. The command must succeed."""
  done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False, **options)
  check(done.returncode == 0, f'{" ".join(command)}: exit status {done.returncode}\n{done.stdout}')
  return done.stdout


def shared_libraries(program):
  """The names of those that it says it needs."""
  return [line.split('[')[1].rstrip(']') for line in run(['readelf', '-d', program]).splitlines() if '(NEEDED)' in line]


class Consumer:
  """What is installed lies below `root`, which is not where the build was told: it must work wherever it is moved to."""

  def __init__(self, build_dir, prefix, source_dir, compiler, root):
    self.build_dir = build_dir
    self.source_dir = source_dir
    self.compiler = compiler
    self.root = root
    self.prefix = root + prefix
    self.environment = {**os.environ, 'CCACHE_DISABLE': '1'}

  @functools.cached_property
  def libraries(self):
    """Installs, and returns the folder of the libraries."""
    run(['meson', 'install', '-C', self.build_dir, '--no-rebuild', '--destdir', self.root])
    found = glob.glob(self.prefix + '/**/liblistenrain.a', recursive=True)
    check(len(found) == 1, f'{len(found)} static libraries are installed')
    folder = os.path.dirname(found[0])
    self.environment.update({'PKG_CONFIG_PATH': folder + '/pkgconfig', 'LD_LIBRARY_PATH': folder})
    return folder

  def flags(self, package, *kinds):
    check(self.libraries, 'nothing is installed')
    return run(['pkg-config', *kinds, package], env=self.environment).split()

  def source(self, name):
    return os.path.join(self.source_dir, name + '.cc')

  def compile(self, name, package):
    """Returns the seconds of the processor that it took."""
    return self.compile_file(self.source(name), name, self.flags(package, '--cflags'))

  def compile_yardstick(self):
    """The same, of a program of the standard library's alone."""
    source = os.path.join(self.root, 'yardstick.cc')
    with open(source, 'w', encoding='utf-8') as file:
      file.write(YARDSTICK)
    return self.compile_file(source, 'yardstick', [])

  def compile_file(self, source, name, flags):
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run(self.compiler + STRICT + flags + ['-c', source, '-o', os.path.join(self.root, name + '.o')], env=self.environment)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before

  def link_and_run(self, name, flags):
    program = os.path.join(self.root, name)
    run(self.compiler + [program + '.o', '-o', program] + flags, env=self.environment)
    run([program], env=self.environment)
    return program

  def conforms(self, name):
    self.compile(name, 'listenrain-testing')
    self.link_and_run(name, self.flags('listenrain-testing', '--libs'))
    with open(self.source(name), encoding='utf-8') as file:
      print(f'# {name}: {len(file.readlines())} lines')

  @functools.cached_property
  def cmake_dir(self):
    """Where CMake has built all that CMakeLists.txt says."""
    check(self.libraries, 'nothing is installed')
    folder = os.path.join(self.root, 'cmake-build')
    run(['cmake', '-G', 'Ninja', '-S', self.source_dir, '-B', folder, '-DCMAKE_PREFIX_PATH=' + self.prefix, '-DCMAKE_CXX_COMPILER=' + self.compiler[-1],
         '-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wshadow -Wconversion -Werror'], env=self.environment)
    run(['cmake', '--build', folder, '--parallel', '2'], env=self.environment)
    return folder


def hello_compiles_quickly_and_without_a_warning(consumer):
  seconds = consumer.compile('hello', 'listenrain')
  yardstick = consumer.compile_yardstick()
  print(f'# compiled in {seconds:.1f} s of the processor, the yardstick in {yardstick:.1f} s')
  check(seconds <= max(MAX_COMPILE_SECONDS, MAX_TIMES_YARDSTICK * yardstick),
        f'hello.cc took {seconds:.1f} s of the processor; {MAX_COMPILE_SECONDS} at most, or {MAX_TIMES_YARDSTICK} times {yardstick:.1f} s')


def pkg_config_links_the_shared_library_and_not_what_it_uses(consumer):
  program = consumer.link_and_run('hello', consumer.flags('listenrain', '--libs'))
  needed = shared_libraries(program)
  check(any(name.startswith('liblistenrain.so.') for name in needed), f'it needs {needed}')
  check(not any(name.startswith(('libuv', 'libcapnp', 'libkj', 'libssl', 'libcrypto')) for name in needed), f'it needs {needed}')


def pkg_config_links_the_static_library(consumer):
  alone = os.path.join(consumer.root, 'static')
  os.mkdir(alone)
  os.symlink(consumer.libraries + '/liblistenrain.a', alone + '/liblistenrain.a')
  program = consumer.link_and_run('hello', ['-L' + alone] + consumer.flags('listenrain', '--static', '--libs'))
  check(not any(name.startswith('liblistenrain') for name in shared_libraries(program)), 'it is linked to the shared one')


def a_service_of_named_parts_serves(consumer):
  consumer.compile('own_service', 'listenrain')
  consumer.link_and_run('own_service', consumer.flags('listenrain', '--libs'))


def the_own_codec_conforms(consumer):
  consumer.conforms('own_codec')


def the_own_executor_conforms(consumer):
  consumer.conforms('own_executor')


def the_own_channel_conforms(consumer):
  consumer.conforms('own_channel')


def the_own_queue_conforms_as_cmake_builds_it(consumer):
  run([consumer.cmake_dir + '/own_queue'])
  with open(consumer.source('own_queue'), encoding='utf-8') as file:
    print(f'# own_queue: {len(file.readlines())} lines')


def cmake_links_the_shared_library(consumer):
  program = consumer.cmake_dir + '/hello'
  run([program])
  needed = shared_libraries(program)
  check(any(name.startswith('liblistenrain.so.') for name in needed), f'it needs {needed}')


def cmake_links_the_static_library(consumer):
  run(['cmake', '-DListenRain_USE_STATIC_LIBS=ON', consumer.cmake_dir], env=consumer.environment)
  run(['cmake', '--build', consumer.cmake_dir, '--target', 'hello'], env=consumer.environment)
  program = consumer.cmake_dir + '/hello'
  run([program])
  check(not any(name.startswith('liblistenrain') for name in shared_libraries(program)), 'it is linked to the shared one')


def cmake_accepts_the_same_minor_version_alone(consumer):
  script = os.path.join(consumer.root, 'version.cmake')
  version = consumer.libraries + '/cmake/listenrain/listenrain-config-version.cmake'
  installed = run(['pkg-config', '--modversion', 'listenrain'], env=consumer.environment).strip()
  major, minor, _ = installed.split('.')
  wanted = {'': True, major: True, f'{major}.{minor}': True, installed: True, f'{major}.{minor}.999': False,
            f'{major}.{int(minor) + 1}': False, str(int(major) + 1): False}
  for number, accepted in wanted.items():
    parts = number.split('.') if number else []
    with open(script, 'w', encoding='utf-8') as file:
      for name, value in [('', number), ('_COUNT', len(parts))] + list(zip(('_MAJOR', '_MINOR'), parts + ['0', '0'])):
        file.write(f'set(PACKAGE_FIND_VERSION{name} "{value}")\n')
      file.write(f'include("{version}")\nmessage("compatible: ${{PACKAGE_VERSION_COMPATIBLE}}")\n')
    said = run(['cmake', '-P', script])
    check(f'compatible: {str(accepted).upper()}' in said, f'find_package(ListenRain {number}) with {installed} installed: {said}')


TESTS = [hello_compiles_quickly_and_without_a_warning, pkg_config_links_the_shared_library_and_not_what_it_uses,
         pkg_config_links_the_static_library, a_service_of_named_parts_serves, the_own_codec_conforms, the_own_executor_conforms, the_own_channel_conforms,
         the_own_queue_conforms_as_cmake_builds_it, cmake_links_the_shared_library, cmake_links_the_static_library,
         cmake_accepts_the_same_minor_version_alone]


def main(build_dir, prefix, source_dir, compiler):
  with tempfile.TemporaryDirectory() as root:
    return tap.run(TESTS, Consumer(build_dir, prefix, source_dir, compiler, root))


if __name__ == '__main__':
  sys.exit(main(*sys.argv[1:4], sys.argv[4:]))
