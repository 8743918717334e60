#!/usr/bin/env bash
# Prints a folder with a libcuda.so to link against without a driver. It has every function of cuda.h. Each returns
# CUDA_ERROR_NO_DEVICE. With a C file, the functions of this file replace them; it may need the C++ objects that follow it.
# It is for builds and tests only: scripts/cuda-stub.sh [FILE.c [OBJECT.o...]]
set -euo pipefail
fail() { echo "cuda-stub: $*" >&2; exit 1; }

include=$("$(dirname "$0")/cuda-toolchain.sh")/include
own=${1:-/dev/null}
[ $# = 0 ] || shift
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bnas
stub=$cache/cuda-stub-$({ "${CC:-cc}" -I"$include" -E -P -x c "$own" && cat "$include/cuda.h" "$0" "$@"; } | sha256sum | cut -c1-16)
if [ -f "$stub/libcuda.so" ]; then
  echo "$stub"
  exit
fi
{ mkdir -p "$cache" && new=$(mktemp -d "$stub.XXXXXX"); } || fail "cannot write $cache"
trap 'rm -rf "$new"' EXIT

# The declared names, and those that a #define gives them in the library (cuMemAlloc is cuMemAlloc_v2).
{
  tr '\n' ' ' <"$include/cuda.h" | grep -oE 'CUDAAPI[[:space:]]+cu[A-Za-z0-9_]+' | grep -oE 'cu[A-Za-z0-9_]+$'
  grep -E '^[[:space:]]*#define[[:space:]]+cu[A-Z]' "$include/cuda.h" | grep -oE 'cu[A-Z][A-Za-z0-9_]*'
} | sort -u >"$new/names"
[ "$(wc -l <"$new/names")" -gt 300 ] || fail "$include/cuda.h declares hardly any functions"

"${CC:-cc}" -O1 -fPIC -I"$include" -x c -c -o "$new/own.o" "$own" || fail "cannot compile $own"
nm --defined-only "$new/own.o" | sed -n 's/.* T //p' | sort >"$new/own"
comm -23 "$new/names" "$new/own" | sed 's/.*/int &(void) { return 100; }/' >"$new/stub.c"
"${CC:-cc}" -fPIC -w -c -o "$new/stub.o" "$new/stub.c" || fail "cannot compile the stub"
# Nothing but CUDA's names is seen outside.
echo '{ global: cu*; local: *; };' >"$new/exports"
link=("${CC:-cc}")
[ $# = 0 ] || link=("${CXX:-c++}" -pthread)
"${link[@]}" -shared -Wl,-soname,libcuda.so.1 -Wl,--version-script="$new/exports" -o "$new/libcuda.so.1" "$new/stub.o" "$new/own.o" "$@" || fail "cannot link the stub"
ln -s libcuda.so.1 "$new/libcuda.so"
mv -T "$new" "$stub" 2>/dev/null || [ -f "$stub/libcuda.so" ] || fail "cannot write $stub"
trap - EXIT
echo "$stub"
