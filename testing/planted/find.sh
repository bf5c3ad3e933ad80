#!/usr/bin/env bash
# Plants each bug, testing/planted/*.patch, in a copy of the tree, and says what finds it: simulated worlds, of which not more are run than
# by the tests; or, where the patch says that it makes a call dearer, the budgets of testing/cost. What is not found is a failure of theirs.
#
#   testing/planted/find.sh [--seeds=N] [PATCH]...
#
# The copy and its build directory are build-planted/.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
source testing/house/setup.sh

seeds=2000
if [[ ${1:-} == --seeds=* ]]; then
  seeds=${1#--seeds=}
  shift
fi
patches=("$@")
[[ ${#patches[@]} -gt 0 ]] || patches=(testing/planted/*.patch)
need "${BUILD_PACKAGES[@]}"

# A fresh copy, in which files have the times of this tree, so that ninja compiles little; but those that patches changed before.
copy=build-planted/tree
rm -rf "$copy"
mkdir -p "$copy"
tar --exclude='./build*' --exclude=./.git -cf - . | tar -xf - -C "$copy"
sed -n 's,^+++ b/,,p' testing/planted/*.patch | sort -u | (cd "$copy" && xargs touch)
[[ -f build-planted/build/build.ninja ]] || meson setup build-planted/build "$copy"

# By what the patch makes a call dearer, in the words of cost_test; empty: it is a bug for the worlds.
dearer_by() {
  sed -n 's/^Makes a call dearer by \([a-z ]*\):.*/\1/p' "$1"
}

build() {
  local programs=(testing/simulate)
  [[ -z $1 ]] || programs=(testing/cost/calls testing/cost/counted_calls)
  ninja --quiet -C build-planted/build "${programs[@]}"
}

carry_out_worlds() {
  build-planted/build/testing/simulate --seeds="$1" --stop --noshorten 2>&1
}

measure_calls() {
  python3 -B "$copy/testing/cost/cost_test.py" build-planted/build
}

# What fails without a bug proves nothing; what is skipped finds none.
kinds=$(for patch in "${patches[@]}"; do echo "by $(dearer_by "$patch")"; done)
if grep -qx 'by ' <<<"$kinds"; then
  build ''
  told=$(carry_out_worlds "$seeds") || { printf '%s\n' "$told" "simulate fails without a planted bug" && exit 1; }
fi
if grep -q 'by .' <<<"$kinds"; then
  build calls
  told=$(measure_calls) || { echo "$told" && exit 1; }
  grep '# SKIP' <<<"$told" || true
fi

missed=0
printf '%-28s %-10s %s\n' planted 'found by' how
for patch in "${patches[@]}"; do
  file=$(readlink -f "$patch")
  measure=$(dearer_by "$file")
  patch --quiet --directory="$copy" --strip=1 <"$file"
  build "$measure"
  if [[ -n $measure ]]; then
    by=cost_test
    told=$(measure_calls) || true
    how=$(sed -n '/^not ok/,/^# A call has become dearer/p' <<<"$told" | grep -m 1 "^# $measure per call" | cut -c 3-) || true
  else
    by=simulate
    told=$(carry_out_worlds "$seeds") || true
    how=$(grep -m 1 -E '^seed [0-9]+ (fails:|ended the process)' <<<"$told") || true
    assertion=$(grep -m 1 Assertion <<<"$told") && how+="; $assertion"
  fi
  if [[ -z $how ]]; then
    missed=$((missed + 1))
    by=nothing
    how="of ${measure:-$seeds worlds}: $(tail -n 1 <<<"$told")"
  fi
  printf '%-28s %-10s %s\n' "$(basename "$patch" .patch)" "$by" "$how"
  patch --quiet --directory="$copy" --strip=1 --reverse <"$file"
done
echo "${#patches[@]} planted, $missed not found"
[[ $missed -eq 0 ]]
