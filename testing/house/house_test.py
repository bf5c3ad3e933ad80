"""Holds the tree against the rules of house.py, and each rule against planted violations. Prints TAP.

Usage: house_test.py SOURCE_ROOT HEADER...   (the headers that the build compiles alone)
"""

import sys

import house
import tally_test

TOLD = '// A: a thing.\n#pragma once\n\n'  # a header's beginning

# For each rule: trees that it must refuse, each for one reason, and one that it must accept.
PLANTS = {
    house.arrows: (
        [{'framework/a.cc': '#include "listenrain/transports/tcp.h"\n'},
         {'transports/a.h': '#include "listenrain/codecs/compact.h"\n'},
         {'codecs/a.cc': '#include "listenrain/listenrain.h"\n'},
         {'executors/a.cc': '# include "listenrain/testing/scale.h"\n'},
         {'listenrain.cc': '#include "listenrain/testing/scale.h"\n'},
         {'testing/a.h': '#include "listenrain/bench/report.h"\n'},
         {'bench/a.cc': '#include "listenrain/testing/scale.h"\n'},
         {'examples/a/a.cc': '#include "listenrain/examples/b/b.h"\n'},
         {'codecs/a.cc': '#include "listenrain/codecs/rig_test.h"\n'}],
        {'transports/a.cc': '#include "listenrain/framework/loop.h"\n#include "listenrain/transports/b.h"\n',
         'framework/a_test.cc': '#include "listenrain/testing/manual_loop.h"\n#include "listenrain/framework/rig_test.h"\n',
         'framework/rig_test.h': '#include "listenrain/testing/manual_loop.h"\n',
         'listenrain.cc': '#include "listenrain/codecs/compact.h"\n',
         'examples/a/main.cc': '#include "listenrain/listenrain.h"\n#include "listenrain/examples/a/a.h"\n'}),
    house.ours_by_full_name: (
        [{'codecs/a.cc': '#include "a.h"\n', 'codecs/a.h': ''},
         {'codecs/a.cc': '#include "codecs/a.h"\n', 'codecs/a.h': ''},
         {'codecs/a.cc': '#include <listenrain/codecs/a.h>\n', 'codecs/a.h': ''},
         {'codecs/a.cc': '#include "listenrain/codecs/gone.h"\n'}],
        {'codecs/a.cc': '#include "listenrain/codecs/a.h"\n#include <vector>\n#include "absl/status/status.h"\n', 'codecs/a.h': ''}),
    house.framework_is_standard_and_abseil: (
        [{'framework/a.cc': '#include <uv.h>\n'}, {'framework/a.h': '#include <sys/socket.h>\n'},
         {'framework/a.cc': '#include "capnp/message.h"\n'}, {'framework/a.cc': '#include <unistd.h>\n'}],
        {'framework/a.cc': '#include <vector>\n#include "absl/types/span.h"\n', 'framework/a_test.cc': '#include <unistd.h>\n'}),
    house.foreign_headers_stay_home: (
        [{'transports/a.h': '#include <uv.h>\n'}, {'codecs/a.cc': '#include <uv.h>\n'}, {'codecs/a.h': '#include <capnp/message.h>\n'},
         {'codecs/a.h': '#include "a.capnp.h"\n'}, {'transports/a.cc': '#include <kj/exception.h>\n'},
         {'transports/a.h': '#include <sys/socket.h>\n'}, {'testing/a.h': '#include <unistd.h>\n'},
         {'executors/a.cc': '#include <gtest/gtest.h>\n'}, {'codecs/capnp_struct.h': '#include <uv.h>\n'},
         {'codecs/a.h': '#include "listenrain/codecs/capnp_struct.h"\n'}],
        {'codecs/capnp_struct.h': '#include <capnp/message.h>\n', 'codecs/capnp_struct.cc': '#include "listenrain/codecs/capnp_struct.h"\n',
         'transports/a.cc': '#include <uv.h>\n#include <sys/uio.h>\n', 'codecs/a.cc': '#include <capnp/message.h>\n',
         'testing/suite.h': '#include "gtest/gtest.h"\n', 'executors/a_test.cc': '#include "gtest/gtest.h"\n'}),
    house.no_locks_of_abseil: (
        [{'testing/a_test.cc': '#include "absl/synchronization/mutex.h"\n'}],
        {'testing/a_test.cc': '#include "listenrain/framework/mutex.h"\n'}),
    house.own_header_first: (
        [{'codecs/a.cc': '#include <vector>\n#include "listenrain/codecs/a.h"\n', 'codecs/a.h': ''}],
        {'codecs/a.cc': '#include "listenrain/codecs/a.h"\n#include <vector>\n', 'codecs/a.h': '', 'codecs/b.cc': '#include <vector>\n'}),
    house.pragma_once: (
        [{'codecs/a.h': '#ifndef A\n'}, {'codecs/a.h': '// #pragma once\n'}],
        {'codecs/a.h': '#pragma once\n', 'codecs/a.cc': ''}),
    house.short_files: (
        [{'codecs/a.cc': '\n' * 401}, {'testing/house/a.py': '\n' * 401}],
        {'codecs/a.cc': '\n' * 400}),
    house.telling_names: (
        [{'codecs/string_util.h': ''}, {'transports/helpers.cc': ''}, {'framework/pool_manager_test.cc': ''}],
        {'codecs/utility_frame.h': '', 'framework/transport_pool.h': ''}),
    house.time_and_chance_are_injected: (
        [{'framework/a.cc': 'auto now = std::chrono::steady_clock::now();\n'}, {'framework/a.h': 'std::random_device chance;\n'},
         {'framework/a.cc': 'return absl::Now();\n'}],
        {'framework/a.cc': '// not absl::Now()\nreturn loop.now();\n', 'transports/a.cc': 'return absl::Now();\n'}),
    house.tests_do_not_sleep: (
        [{'codecs/a_test.cc': 'std::this_thread::sleep_for(1ms);\n'}, {'testing/suite.cc': 'absl::SleepFor(absl::Seconds(1));\n'}],
        {'codecs/a_test.cc': '// no sleep_for\nloop.Advance(absl::Seconds(1));\n'}),
    house.what_is_public_is_told: (
        [{'codecs/a.h': '#pragma once\n'},
         {'codecs/a.h': TOLD + 'class B {\n};\n'},
         {'codecs/a.h': TOLD + 'template <class T>\nclass B final : public A {\n};\n'},
         {'codecs/a.h': TOLD + 'enum class B { c };\n'},
         {'codecs/a.h': TOLD + 'std::unique_ptr<A> NewA(int width = 3);\n'},
         {'codecs/a.h': TOLD + 'struct B {\n  int c;  // bytes\n  int d;\n};\n'}],
        {'codecs/a.h': TOLD + 'class A {\n  int b();\n};\n\nclass B;\nstruct B {\n  int c;  // bytes\n  // bytes\n  int d;\n};\n\n'
                       '// Two.\ntemplate <class T>\nint F(T t);\nint G();\n\ntemplate <>\nint A::b() {\n}\n\nint A::b() {\n}\n',
         'codecs/a_test.h': 'class B {\n};\n', 'codecs/a.cc': 'class B {\n};\n', 'bench/a.h': 'class B {\n};\n'}),
}


def headers_compile_alone(tree, compiled):
  for path in tree.headers():
    if path not in compiled:
      yield f'{path}: new since the build was set up: meson setup --reconfigure'


def rule_violations(tree, compiled):
  """Yields (name, violations): what the tree does against the rules, then which plants the rules miss."""
  for rule in house.RULES:
    yield f'{rule.__name__} holds', list(rule(tree))
  yield 'headers_compile_alone holds', list(headers_compile_alone(tree, compiled))
  for rule in house.RULES:
    refused, accepted = PLANTS[rule]
    missed = [f'misses {plant}' for plant in refused if len(list(rule(house.Tree(plant)))) != 1]
    yield f'{rule.__name__} catches what is planted', missed + list(rule(house.Tree(accepted)))
  planted = house.Tree({'codecs/a.h': '', 'codecs/b.h': ''})
  caught = list(headers_compile_alone(planted, {'codecs/a.h'}))
  yield 'headers_compile_alone catches what is planted', [] if len(caught) == 1 else ['misses codecs/b.h']


def main(root, headers):
  tree = house.Tree.read(root)
  results = [('the tree has sources', [] if len(tree.sources()) > 50 else [f'{root}: {len(tree.sources())} sources'])]
  results += rule_violations(tree, set(headers))
  results += tally_test.results()
  print(f'1..{len(results)}')
  for number, (name, violations) in enumerate(results, 1):
    print(f'{"not ok" if violations else "ok"} {number} - {name}')
    for line in violations:
      print(f'# {line}')
  return 1 if any(violations for _, violations in results) else 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1], sys.argv[2:]))
