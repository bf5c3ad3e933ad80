"""The rules of the house that a compiler does not check. Each rule takes a Tree and yields a line for each violation."""

import os
import re

# Who may include whom: framework <- {transports, codecs, executors} <- listenrain.h <- {testing, bench, examples}.
PARTS = {'transports', 'codecs', 'executors'}
FACE = ''  # listenrain.h and listenrain.cc, at the top
BELOW_FACE = {'framework'} | PARTS
ARROWS = {
    'framework': {'framework'},
    **{part: {'framework', part} for part in PARTS},
    FACE: BELOW_FACE | {FACE},
    **{folder: BELOW_FACE | {FACE, folder} for folder in ('testing', 'bench', 'examples')},
}
PUBLIC = BELOW_FACE | {FACE, 'testing'}  # their headers are installed
FREE = ('_test.cc', '_test.h', '_fuzz.cc', '_benchmark.cc')  # may include anything; what tests share is not installed

# The libraries that a user need not have heard of: only the .cc files of these folders see them.
HOMES = {'uv': {'transports', 'bench', 'examples'}, 'openssl': {'transports', 'examples'},
         'capnp': {'codecs', 'bench', 'examples'}, 'kj': {'codecs', 'bench', 'examples'}}
OPT_IN = {'codecs/capnp_struct.h': {'capnp', 'kj'}}  # headers for programs that use such a library themselves; ours include none of these
SYSTEM = re.compile(r'^(sys|net|netinet|arpa|linux|asm)/|^(unistd|fcntl|netdb|poll|pthread|sched|signal|dlfcn|errno|ifaddrs|dirent|pwd|'
                    r'semaphore|spawn|termios|syslog|time|string|stdlib|stdio|stdint|limits|math|assert)\.h$')
GTEST = re.compile(r'^g(test|mock)/')
NO_LOCKS_OF_ABSEIL = 'absl/synchronization/'

MAX_LINES = 400
CODE = ('.h', '.cc', '.py', '.sh', '.capnp', '.build')
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
VAGUE = re.compile(r'(^|_)(manager|helper|helpers|util|utils|impl)(_test|_fuzz|_benchmark)?\.(h|cc)$')
CHANCE = re.compile(r'\b(system_clock|steady_clock|high_resolution_clock)::now|\babsl::(Now|GetCurrentTimeNanos)\b|\brandom_device\b|'
                    r'\bthis_thread::(get_id|sleep_\w+)|\babsl::(SleepFor|BitGen)\b|\bclock_gettime\b')
SLEEP = re.compile(r'\b(sleep_for|sleep_until|usleep|nanosleep|SleepFor)\b')
DECLARED = re.compile(r'^(?:(?:class|struct|enum)\b(?!\s+\w+;)|'
                      r'(?!(?:class|struct|enum|namespace|using|extern|friend|template|static_assert)\b)[A-Za-z][^=]*\()')
TYPE_NAME = re.compile(r'^(?:class|struct|enum class|enum)\s+(?:ABSL_\w+\s+)?(\w+)(<)?')
FUNCTION_NAME = re.compile(r'(\w+(?:<.*>)?::)?(\w+)\(')


class Tree:
  """The files of one tree, as {path: text}; paths are relative and use '/'."""

  def __init__(self, files):
    self.files = files

  @classmethod
  def read(cls, root):
    files = {}
    for top in sorted(f for f in ARROWS if f):
      for folder, _, names in os.walk(os.path.join(root, top)):
        for name in names:
          cls._add(files, root, os.path.join(folder, name))
    for name in os.listdir(root):
      if os.path.isfile(os.path.join(root, name)):
        cls._add(files, root, os.path.join(root, name))
    return cls(files)

  @staticmethod
  def _add(files, root, path):
    if path.endswith(CODE):
      with open(path, encoding='utf-8') as file:
        files[os.path.relpath(path, root)] = file.read()

  def sources(self):
    return {path: text for path, text in sorted(self.files.items()) if path.endswith(('.h', '.cc'))}

  def headers(self):
    return [path for path in self.sources() if path.endswith('.h')]

  def includes(self):
    """Yields (path, line number, '"' or '<', what is included)."""
    for path, text in self.sources().items():
      for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
          yield path, number, match[1], match[2]


def folder_of(path):
  return path.split('/')[0] if '/' in path else FACE


def is_public_header(path):
  return path.endswith('.h') and not path.endswith(FREE) and folder_of(path) in PUBLIC


def arrows(tree):
  for path, line, _, what in tree.includes():
    if path.endswith(FREE) or not what.startswith('listenrain/'):
      continue
    target = folder_of(what[len('listenrain/'):])
    if target not in ARROWS[folder_of(path)]:
      yield f'{path}:{line}: {what} is against the arrows'
    elif target == 'examples' and os.path.dirname(what[len('listenrain/'):]) != os.path.dirname(path):
      yield f'{path}:{line}: {what} belongs to another example'
    elif what.endswith('_test.h'):
      yield f'{path}:{line}: {what} is for tests alone'


def ours_by_full_name(tree):
  for path, line, quote, what in tree.includes():
    ours = what.startswith('listenrain/')
    if ours and quote == '<':
      yield f'{path}:{line}: {what} is ours: include it in quotes'
    if ours and what[len('listenrain/'):] not in tree.files:
      yield f'{path}:{line}: {what} does not exist'
    if quote == '"' and not ours and not what.startswith(('absl/', 'gtest/', 'gmock/')) and not what.endswith('.capnp.h'):
      yield f'{path}:{line}: {what}: our headers are included as "listenrain/..."; others in <>'


def framework_is_standard_and_abseil(tree):
  for path, line, quote, what in tree.includes():
    if folder_of(path) != 'framework' or path.endswith(FREE) or what.startswith(('listenrain/', 'absl/')):
      continue
    if quote == '"' or '/' in what or '.' in what:
      yield f'{path}:{line}: framework/ uses the standard library and Abseil alone, not {what}'


def foreign_headers_stay_home(tree):
  for path, line, _, what in tree.includes():
    if path.endswith(FREE):
      continue
    library = 'uv' if what == 'uv.h' else 'capnp' if what.endswith('.capnp.h') else what.split('/')[0]
    stays_out = path.endswith('.h') and library not in OPT_IN.get(path, ())
    if library in HOMES and (stays_out or folder_of(path) not in HOMES[library]):
      yield f'{path}:{line}: {what} belongs in .cc files of {", ".join(sorted(HOMES[library]))}'
    if SYSTEM.search(what) and is_public_header(path):
      yield f'{path}:{line}: {what} is the system\'s: keep it in the .cc file'
    if what[len('listenrain/'):] in OPT_IN and path[:-3] + '.h' not in OPT_IN:
      yield f'{path}:{line}: {what} is for those who ask for it: it brings a foreign library'
    if GTEST.search(what) and folder_of(path) != 'testing':
      yield f'{path}:{line}: {what} belongs in testing/ and in tests'


def no_locks_of_abseil(tree):
  for path, line, _, what in tree.includes():
    if what.startswith(NO_LOCKS_OF_ABSEIL):
      yield f'{path}:{line}: {what}: use framework/mutex.h (the packaged Abseil is not instrumented for ThreadSanitizer)'


def own_header_first(tree):
  seen = set()
  for path, line, _, what in tree.includes():
    own = path[:-3] + '.h'
    if path.endswith('.cc') and path not in seen and own in tree.files and what != 'listenrain/' + own:
      yield f'{path}:{line}: includes its own header first, not {what}'
    seen.add(path)


def pragma_once(tree):
  for path in tree.headers():
    if '#pragma once' not in tree.files[path].splitlines():
      yield f'{path}: lacks #pragma once'


def short_files(tree):
  for path, text in sorted(tree.files.items()):
    lines = len(text.splitlines())
    if lines > MAX_LINES:
      yield f'{path}: {lines} lines; split it by concept ({MAX_LINES} at most)'


def telling_names(tree):
  for path in tree.sources():
    if VAGUE.search(path.split('/')[-1]):
      yield f'{path}: name it after its concept'


def time_and_chance_are_injected(tree):
  for path, text in tree.sources().items():
    if folder_of(path) != 'framework' or path.endswith(FREE) or path == 'framework/clock.cc':
      continue
    for number, line in enumerate(text.splitlines(), 1):
      match = CHANCE.search(line.split('//')[0])
      if match:
        yield f'{path}:{number}: {match[0]}: take time and chance from the Loop'


def tests_do_not_sleep(tree):
  for path, text in tree.sources().items():
    if not path.endswith('_test.cc') and folder_of(path) != 'testing':
      continue
    for number, line in enumerate(text.splitlines(), 1):
      match = SLEEP.search(line.split('//')[0])
      if match:
        yield f'{path}:{number}: {match[0]}: wait for what must happen, or use a manual clock'


def is_told_by_its_fields(lines):
  """Of a struct's lines after its first: each field, and there is one, has a comment on its line or above it."""
  told = []
  commented = False
  for line in lines:
    if line.startswith('}'):
      break
    text = line.strip()
    if text.startswith('//'):
      commented = True
    elif text.endswith(';') or ';  //' in text:
      told.append(commented or '  //' in text)
      commented = False
  return told and all(told)


def what_is_public_is_told(tree):
  """Each header says what it is; so does each type and function of a namespace: above it, in the header's head, or in its fields."""
  for path, text in tree.sources().items():
    if not is_public_header(path):
      continue
    lines = text.splitlines()
    if not lines[:1] or not lines[0].startswith('// '):
      yield f'{path}:1: says nothing of what it is'
    head = ' '.join(line for line in lines[:lines.index('#pragma once')] if line) if '#pragma once' in lines else ''
    for number, line in enumerate(lines):
      if not DECLARED.match(line):
        continue
      name = TYPE_NAME.match(line) or FUNCTION_NAME.search(line)
      above = number - 1
      while lines[above].startswith(('template', '  requires')):
        above -= 1
      if lines[above].strip() or not name or name[1] and name[1].endswith('::') or name[0].endswith('<'):
        continue  # told, or one more of what is told; or another form of it
      word = name[1] if TYPE_NAME.match(line) else name[2]
      if not re.search(rf'\b{word}\b', head) and not (line.startswith('struct') and is_told_by_its_fields(lines[number + 1:])):
        yield f'{path}:{number + 1}: {word}: say above it what it is'


RULES = [arrows, ours_by_full_name, framework_is_standard_and_abseil, foreign_headers_stay_home, no_locks_of_abseil, own_header_first,
         pragma_once, short_files, telling_names, time_and_chance_are_injected, tests_do_not_sleep,
         what_is_public_is_told]
