#!/usr/bin/env bash
# Prints the folder of a CUDA toolkit: include/cuda.h, lib64/libnvrtc.so.12, bin/ptxas. It is $CUDA_HOME if that is
# set. Otherwise pip fetches 46 MB of pinned wheels once, into bnas's cache folder or that of BNAS_CUDA_CACHE, in the layout of a toolkit.
# scripts/cuda-toolchain.sh blackwell: the same with the bin/ptxas alone that knows Blackwell, 41 MB.
set -euo pipefail
fail() { echo "cuda-toolchain: $*" >&2; exit 1; }

if [ -n "${CUDA_HOME:-}" ]; then
  [ -f "$CUDA_HOME/include/cuda.h" ] || fail "CUDA_HOME=$CUDA_HOME has no include/cuda.h: unset it, or give a whole toolkit"
  echo "$CUDA_HOME"
  exit
fi

caches=${BNAS_CUDA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bnas}
case ${1:-} in
  '') requirements=cuda-requirements.txt cache=$caches/cuda-12.6 parts='compiler and headers, 46 MB,' ;;
  blackwell) requirements=cuda-blackwell.txt cache=$caches/cuda-12.9 parts='the assembler for Blackwell, 41 MB,' ;;
  *) fail "there is no part $1: blackwell, or nothing" ;;
esac
requirements=$(dirname "$0")/$requirements
pins=$(sha256sum <"$requirements")
if [ "$(cat "$cache/pins" 2>/dev/null)" = "$pins" ]; then
  echo "$cache"
  exit
fi

[ "$(uname -s)" = Linux ] || fail "the pinned wheels are for Linux: set CUDA_HOME to a CUDA 12 toolkit"
python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing (install python3-pip), or set CUDA_HOME to a CUDA 12 toolkit"
{ mkdir -p "$(dirname "$cache")" && new=$(mktemp -d "$cache.XXXXXX"); } || fail "cannot write $(dirname "$cache"): set BNAS_CUDA_CACHE to a folder"
trap 'rm -rf "$new"' EXIT

echo "cuda-toolchain: fetching $parts into $cache" >&2
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  --dest "$new/wheels" --requirement "$requirements" >"$new/log" 2>&1 || fail "pip: $(grep -v '^$' "$new/log" | tail -1)"
for wheel in "$new"/wheels/*.whl; do
  python3 -m zipfile -e "$wheel" "$new/unpacked" || fail "cannot unpack $(basename "$wheel")"
done

mkdir "$new/toolkit" "$new/toolkit/bin" "$new/toolkit/lib64"
if [ $# = 0 ]; then
  mv "$new/unpacked/nvidia/cuda_runtime/include" "$new/toolkit/"
  mv "$new"/unpacked/nvidia/cuda_nvrtc/lib/libnvrtc*.so* "$new/toolkit/lib64/"
fi
mv "$new/unpacked/nvidia/cuda_nvcc/bin/ptxas" "$new/toolkit/bin/"
chmod +x "$new/toolkit/bin/ptxas"
echo "$pins" >"$new/toolkit/pins"

# Another process may have fetched the same toolkit at the same time.
rm -rf "$cache"
mv -T "$new/toolkit" "$cache" 2>/dev/null || [ "$(cat "$cache/pins" 2>/dev/null)" = "$pins" ] || fail "cannot write $cache"
echo "$cache"
