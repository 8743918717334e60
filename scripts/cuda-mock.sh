#!/usr/bin/env bash
# Prints a folder with a libcuda.so that is a GPU for tests: the mock driver, which runs the kernels of kernels/gpu as g++
# compiles them for the emulated GPU. Their objects come from Go's build of internal/gpusim.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

objects=()
for package in hostkernels machine; do
  archive=$("$GO" list -export -tags gpusim -f '{{.Export}}' "./internal/gpusim/$package")
  mkdir "$work/$package"
  (cd "$work/$package" && ar x "$archive")
  for object in "$work/$package"/_x*.o; do
    # What cgo made needs Go. "grep -q" would end nm, which then fails.
    nm "$object" | grep ' _cgo_' >/dev/null || objects+=("$object")
  done
done
scripts/cuda-stub.sh cuda/driver/testdata/mock.c "${objects[@]}"
