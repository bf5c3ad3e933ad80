#!/usr/bin/env bash
# Builds and tests. Installs what is missing by apt (Debian 12). Prints one closing line: N passed, N failed.
#
#   ./test.sh [MODE]...
#
#   release   -O2 with assertions, gcc, warnings are errors (the default)
#   asan      AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer
#   tsan      ThreadSanitizer
#   clang     clang with -Wthread-safety, warnings are errors; the layout is clang-format's; clang-tidy finds nothing
#   long      release, with the tests' long amounts of work
#   coverage  gcc with gcov: what part of the lines and branches the tests reach
#
# Each mode but long has its own build directory (build, build-asan, ...). RAIN_TEST_ARGS goes to `meson test`: a program's name, say.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
source testing/house/setup.sh

logs=()

# Runs the tests of build directory $1 at scale $2, with $3 times the patience. Failures are told by the tally.
run_tests() {
  local log=testlog-$mode
  rm -f "$1"/*_test.xml "$1/meson-logs/$log".*
  # shellcheck disable=SC2086  # words on purpose
  RAIN_TEST_SCALE=$2 meson test -C "$1" --no-rebuild --print-errorlogs --logbase "$log" --timeout-multiplier "$3" ${RAIN_TEST_ARGS:-} || true
  logs+=("$1/meson-logs/$log")
}

check_layout() {
  find [a-z]* -name 'build*' -prune -o \( -name '*.h' -o -name '*.cc' \) -print0 | xargs -0 clang-format --dry-run -Werror
}

run_mode() {
  case $mode in
    release)
      build build -Dwerror=true
      run_tests build ci 1
      ;;
    long)
      build build -Dwerror=true
      run_tests build long 20
      ;;
    asan)
      build build-asan -Db_sanitize=address,undefined -Db_lundef=false '-Dcpp_args=-fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS'
      ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1:detect_leaks=1 \
        UBSAN_OPTIONS=print_stacktrace=1 run_tests build-asan asan 4
      ;;
    tsan)
      build build-tsan -Db_sanitize=thread -Db_lundef=false
      TSAN_OPTIONS=second_deadlock_stack=1 run_tests build-tsan asan 6
      ;;
    clang)
      need clang clang-format clang-tidy
      check_layout
      CC=clang CXX=clang++ build build-clang -Dwerror=true
      run-clang-tidy -quiet -p build-clang "^$PWD/(?!build)"
      run_tests build-clang ci 1
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
  if [[ ! $mode =~ ^(release|asan|tsan|clang|long|coverage)$ ]]; then
    echo "test.sh: there is no mode $mode: release, asan, tsan, clang, long or coverage" >&2
    exit 2
  fi
done

need "${BUILD_PACKAGES[@]}"
for mode in "$@"; do
  echo "== $mode"
  run_mode
done
python3 -B testing/house/tally.py "${logs[@]}"
