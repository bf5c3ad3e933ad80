#!/usr/bin/env bash
# Fuzzes: every target, or those named, with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer. Installs what is missing by apt
# (Debian 12). Ends with a table, and with an error if a target fell: then it names the input and the command that replays it.
#
#   ./fuzz.sh [--seconds=60] [--jobs=1] [--grow] [TARGET]...
#
#   --seconds=N  each target runs for so long
#   --jobs=N     so many targets run at a time
#   --grow       afterwards what was found is minimized, and is the tree's corpus from then on: testing/fuzz/corpus/TARGET
#
# A target is an x_fuzz.cc; its name is x. It begins with its corpus in the tree and with what earlier runs found, which is kept in
# build-fuzz/corpus/x. ./test.sh replays the tree's corpora, so that what was found once stays found.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"
source testing/house/setup.sh

options=() targets=()
for word in "$@"; do
  case $word in
    --seconds=[1-9]* | --jobs=[1-9]* | --grow) options+=("$word") ;;
    -*) sed -n 's/^#   \(.\/fuzz.sh\)/\1/p' "$0" >&2 && exit 2 ;;
    *) targets+=("${word%_fuzz}") ;;
  esac
done

need "${BUILD_PACKAGES[@]}" clang
# Without -fsanitize=function: what clang 14 makes of it in coroutines does not assemble.
CC=clang CXX=clang++ set_up build-fuzz -Db_sanitize=address,undefined -Db_lundef=false \
  '-Dcpp_args=-fsanitize=fuzzer-no-link -fno-sanitize-recover=all -fno-sanitize=function -D_GLIBCXX_ASSERTIONS'
mapfile -t known < <(ninja -C build-fuzz -t query fuzz | sed -n 's,^.* testing/fuzz/\(.*\)_fuzz$,\1,p' | LC_ALL=C sort)
for target in "${targets[@]}"; do
  [[ " ${known[*]} " == *" $target "* ]] && continue
  echo "fuzz.sh: there is no target $target: ${known[*]}" >&2
  exit 2
done
[[ ${#targets[@]} -gt 0 ]] || targets=("${known[@]}")
programs=("${targets[@]/#/testing/fuzz/}")
ninja -C build-fuzz "${programs[@]/%/_fuzz}"
ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1:detect_leaks=1:malloc_context_size=10:quarantine_size_mb=64 \
  UBSAN_OPTIONS=print_stacktrace=1 python3 -B testing/fuzz/fuzz_runs.py "${options[@]}" "${targets[@]}"
