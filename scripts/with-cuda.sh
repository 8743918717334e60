#!/usr/bin/env bash
# Runs a command with CUDA's headers, and a stub of its driver to link against: scripts/with-cuda.sh go vet -tags cuda ./cuda/...
# With --pretend first, what the command builds and runs finds the pretended driver of the tests instead of a GPU.
set -euo pipefail
here=$(dirname "$0")
toolkit=$("$here/cuda-toolchain.sh")
stub=$("$here/cuda-stub.sh")
if [ "${1:-}" = --pretend ]; then
  shift
  pretended=$("$here/cuda-stub.sh" "$here/../cuda/driver/testdata/pretend.c")
  export BNAS_PRETENDED=1 LD_LIBRARY_PATH=$pretended${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
# These the C compiler reads by itself, so that Go keeps what it has built of the packages that need neither.
export C_INCLUDE_PATH=$toolkit/include${C_INCLUDE_PATH:+:$C_INCLUDE_PATH}
export LIBRARY_PATH=$stub${LIBRARY_PATH:+:$LIBRARY_PATH}
exec "$@"
