#!/usr/bin/env bash
# The CPU engine as clang compiles it: its suite, and the bits of a training, which are those of gcc. For arm64: its suite, which qemu runs.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
arm64=aarch64-linux-gnu

if command -v clang >/dev/null; then
  CC=clang "$go" test -vet=off -timeout 30m ./kernels/cpu
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  for compiler in gcc clang; do
    CC=$compiler "$go" build -o "$work/$compiler" ./cmd/bnas
    for isa in avx512 avx2 portable; do
      for numerics in strict fast; do
        BNAS_CPU_ISA=$isa "$work/$compiler" train --device cpu --numerics $numerics --steps 6 --out "$work/$compiler-$isa-$numerics" --quiet >/dev/null 2>"$work/error" ||
          grep "this processor does not have it" "$work/error" >/dev/null || { cat "$work/error" >&2; exit 1; }
      done
    done
  done
  compared=0
  for checkpoint in "$work"/gcc-*/checkpoint; do
    cmp "$checkpoint" "$work/clang-${checkpoint#"$work/gcc-"}"
    compared=$((compared + 1))
  done
  [ $compared -ge 2 ] || { echo "compilers-test: no training was compared" >&2; exit 1; }
  echo "compilers-test: gcc and clang: the same bits in $compared trainings"
else
  echo "LEFT OUT: the CPU engine by clang: apt install clang"
fi

if command -v $arm64-gcc >/dev/null && command -v qemu-aarch64 >/dev/null; then
  CGO_ENABLED=1 GOARCH=arm64 CC=$arm64-gcc "$go" test -vet=off -timeout 60m -exec "qemu-aarch64 -L /usr/$arm64" ./kernels/cpu
else
  echo "LEFT OUT: the CPU engine for arm64: apt install gcc-$arm64 libc6-dev-arm64-cross qemu-user"
fi
