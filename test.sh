#!/usr/bin/env bash
# Builds and tests. Installs what is missing by apt (Debian 12). Prints one closing line: N passed, N failed.
#
#   ./test.sh [MODE]...
#
#   release   -O2 with assertions, gcc, warnings are errors (the default)
#   asan      AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer
#   tsan      ThreadSanitizer
#   clang     clang with -Wthread-safety, warnings are errors
#   tidy      the layout is clang-format's and clang-tidy finds nothing; runs no test
#   docs      the API reference, build-docs/html/index.html; a warning of Doxygen is an error; runs no test
#   long      release, with the tests' long amounts of work; then ten minutes of everything at once under ThreadSanitizer
#   planted   each bug of testing/planted/ is put into a copy of the tree, and the simulated worlds or the budgets of calls have to
#             find it; runs no test
#   coverage  gcc with gcov: what part of the lines and branches the tests reach
#
# Build directories: build, build-asan, build-tsan, build-clang, build-coverage, build-docs, build-planted. RAIN_TEST_ARGS goes to
# `meson test`: a program's name, say.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
source testing/house/setup.sh

logs=()

# Runs the tests of build directory $1 at scale $2, with $3 times the patience. Failures are told by the tally.
run_tests() {
  local log=testlog-$mode
  rm -f "$1"/*_test.xml "$1/meson-logs/$log".*
  # shellcheck disable=SC2086  # words on purpose
  env RAIN_TEST_SCALE="$2" "${wrap[@]}" meson test -C "$1" --no-rebuild --print-errorlogs --logbase "$log" --timeout-multiplier "$3" \
    ${RAIN_TEST_ARGS:-} || true
  logs+=("$1/meson-logs/$log")
}

build() {
  set_up "$@"
  ninja -C "$1"
}

build_with_tsan() {
  set_up build-tsan -Db_sanitize=thread -Db_lundef=false
  ninja -C build-tsan "$@"
}

# Runs tests at scale $1, with $2 times the patience.
run_with_tsan() {
  local wrap=()
  setarch -R true && wrap=(setarch -R)  # ThreadSanitizer cannot start where the kernel spreads addresses widely
  TSAN_OPTIONS=second_deadlock_stack=1 run_tests build-tsan "$1" "$2"
}

build_with_clang() {
  need clang
  CC=clang CXX=clang++ build build-clang -Dwerror=true
}

run_mode() {
  local wrap=()
  case $mode in
    release)
      build build -Dwerror=true
      run_tests build ci 1
      ;;
    long)
      build build -Dwerror=true
      run_tests build long 20
      mode=long-tsan
      build_with_tsan testing/faults/mix_test
      RAIN_TEST_ARGS=mix_test run_with_tsan long 20
      ;;
    asan)
      build build-asan -Db_sanitize=address,undefined -Db_lundef=false '-Dcpp_args=-fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS'
      ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1:detect_leaks=1 \
        UBSAN_OPTIONS=print_stacktrace=1 run_tests build-asan asan 4
      ;;
    tsan)
      build_with_tsan
      run_with_tsan asan 6
      ;;
    clang)
      build_with_clang
      run_tests build-clang ci 1
      ;;
    tidy)
      need clang-format clang-tidy
      find [a-z]* -name 'build*' -prune -o \( -name '*.h' -o -name '*.cc' \) -print0 | xargs -0 clang-format --dry-run -Werror
      build_with_clang  # clang-tidy reads headers that the build makes
      run-clang-tidy -quiet -p build-clang "^$PWD/(?!build)"
      ;;
    docs)
      need doxygen
      doxygen docs/Doxyfile
      ;;
    planted)
      testing/planted/find.sh
      ;;
    coverage)
      need gcovr
      build build-coverage -Db_coverage=true
      find build-coverage -name '*.gcda' -delete
      run_tests build-coverage ci 4
      gcovr --root . --filter '(framework|executors|codecs|transports)/' --filter 'listenrain\.' --exclude '.*_(test|fuzz|benchmark)\.cc' \
        --exclude-throw-branches --print-summary build-coverage
      ;;
  esac
}

[[ $# -gt 0 ]] || set -- release
for mode in "$@"; do
  if [[ ! $mode =~ ^(release|asan|tsan|clang|tidy|docs|long|planted|coverage)$ ]]; then
    echo "test.sh: there is no mode $mode: release, asan, tsan, clang, tidy, docs, long, planted or coverage" >&2
    exit 2
  fi
done

need "${BUILD_PACKAGES[@]}"
for mode in "$@"; do
  echo "== $mode"
  run_mode
done
[[ ${#logs[@]} -eq 0 ]] || python3 -B testing/house/tally.py "${logs[@]}"
