#!/usr/bin/env bash
# Runs a command with CUDA's headers, and a stub of its driver to link against: scripts/with-cuda.sh go vet -tags cuda ./cuda
# With --pretend first, what the command builds and runs finds the pretended driver of the tests instead of a GPU.
set -euo pipefail
here=$(dirname "$0")
toolkit=$("$here/cuda-toolchain.sh")
stub=$("$here/cuda-stub.sh")
if [ "${1:-}" = --pretend ]; then
  shift
  pretended=$("$here/cuda-stub.sh" "$here/../cuda/testdata/pretend.c")
  export BNAS_PRETENDED=1 LD_LIBRARY_PATH=$pretended${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
export CGO_CFLAGS="-I$toolkit/include ${CGO_CFLAGS:--O2 -g}"
export CGO_LDFLAGS="-L$stub ${CGO_LDFLAGS:-}"
exec "$@"
