#!/usr/bin/env bash
# Plants each bug, testing/planted/*.patch, in a copy of the tree, and says how many simulated worlds it takes until one of them fails;
# not found within as many as the tests run is a failure of the worlds.
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

# What fails without a bug proves nothing.
ninja --quiet -C build-planted/build testing/simulate
if ! told=$(build-planted/build/testing/simulate --seeds="$seeds" --stop --noshorten 2>&1); then
  printf '%s\n' "$told" "simulate fails without a planted bug"
  exit 1
fi

missed=0
for patch in "${patches[@]}"; do
  file=$(readlink -f "$patch")
  patch --quiet --directory="$copy" --strip=1 <"$file"
  ninja --quiet -C build-planted/build testing/simulate
  told=$(build-planted/build/testing/simulate --seeds="$seeds" --stop --noshorten 2>&1) || true
  if how=$(grep -m 1 -E '^seed [0-9]+ (fails:|ended the process)' <<<"$told"); then
    assertion=$(grep -m 1 Assertion <<<"$told") && how+="; $assertion"
  else
    missed=$((missed + 1))
    how="NOT FOUND in $seeds worlds: $(tail -n 1 <<<"$told")"
  fi
  echo "$(basename "$patch" .patch): $how"
  patch --quiet --directory="$copy" --strip=1 --reverse <"$file"
done
echo "${#patches[@]} planted, $missed not found"
[[ $missed -eq 0 ]]
