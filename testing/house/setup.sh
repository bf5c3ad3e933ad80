# Sourced by test.sh and demo.sh, at the top of the tree: the packages that they need, and a build directory that is up to date.

BUILD_PACKAGES=(cmake g++ meson ninja-build patch pkg-config python3 capnproto libabsl-dev libbenchmark-dev libcapnp-dev libgmock-dev
  libgtest-dev libprotobuf-dev libssl-dev libuv1-dev nlohmann-json3-dev protobuf-compiler strace valgrind)

# Installs those of the packages that are missing. Touches neither apt nor the network when none is.
need() {
  local package missing=()
  for package in "$@"; do
    [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>&1) == installed ]] || missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  echo "== installing ${missing[*]}"
  local as_root=()
  [[ $EUID -eq 0 ]] || as_root=(sudo)
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# Sets up build directory $1 with the remaining arguments, anew when these or the headers changed: the build compiles each header alone,
# and learns of a new one only then. Another compiler, or another default of an option, needs an empty directory.
set_up() {
  local dir=$1 setup fixed
  shift
  fixed="${CXX:-c++} $(sed -n '/^project(/,/)$/p' meson.build | tr -d '\n')"
  setup=$(printf '%s\n' "$fixed" "$PWD" "$@" && find [a-z]* -name 'build*' -prune -o -name '*.h' -print | LC_ALL=C sort)
  [[ ! -f $dir/.setup || $(head -1 "$dir/.setup") == "$fixed" ]] || rm -rf "$dir"
  if [[ ! -f $dir/build.ninja || $(cat "$dir/.setup" 2>&1) != "$setup" ]]; then
    meson setup --reconfigure "$dir" "$@" || { rm -rf "$dir" && meson setup "$dir" "$@"; }
    printf '%s\n' "$setup" >"$dir/.setup"
  fi
}
