#!/usr/bin/env bash
# Prints a folder with a libcuda.so to link against where no driver is installed: every function of cuda.h, each of which
# returns CUDA_ERROR_NO_DEVICE. It is for building and for tests, never shipped.
set -euo pipefail
fail() { echo "cuda-stub: $*" >&2; exit 1; }

header=$("$(dirname "$0")/cuda-toolchain.sh")/include/cuda.h
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bnas
stub=$cache/cuda-stub-$(cat "$header" "$0" | sha256sum | cut -c1-16)
if [ -f "$stub/libcuda.so" ]; then
  echo "$stub"
  exit
fi
mkdir -p "$cache" && new=$(mktemp -d "$stub.XXXXXX") || fail "cannot write $cache"
trap 'rm -rf "$new"' EXIT

# The declared names, and those that a #define gives them in the library (cuMemAlloc is cuMemAlloc_v2).
{
  tr '\n' ' ' <"$header" | grep -oE 'CUDAAPI[[:space:]]+cu[A-Za-z0-9_]+' | grep -oE 'cu[A-Za-z0-9_]+$'
  grep -E '^[[:space:]]*#define[[:space:]]+cu[A-Z]' "$header" | grep -oE 'cu[A-Z][A-Za-z0-9_]*'
} | sort -u | sed 's/.*/int &(void) { return 100; }/' >"$new/stub.c"
[ "$(wc -l <"$new/stub.c")" -gt 300 ] || fail "$header declares hardly any functions"
"${CC:-cc}" -shared -fPIC -w -fno-builtin -Wl,-soname,libcuda.so.1 -o "$new/libcuda.so.1" "$new/stub.c" || fail "cannot compile the stub"
ln -s libcuda.so.1 "$new/libcuda.so"
mv -T "$new" "$stub" 2>/dev/null || [ -f "$stub/libcuda.so" ] || fail "cannot write $stub"
trap - EXIT
echo "$stub"
