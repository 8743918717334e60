#!/usr/bin/env bash
# Runs a command with CUDA's headers, and a stub of its driver to link against: scripts/with-cuda.sh go vet -tags cuda ./cuda/...
# With --mock first, the command and its programs find the mock driver of the tests instead of a GPU.
set -euo pipefail
here=$(dirname "$0")
toolkit=$("$here/cuda-toolchain.sh")
stub=$("$here/cuda-stub.sh")
if [ "${1:-}" = --mock ]; then
  shift
  mock=$("$here/cuda-stub.sh" "$here/../cuda/driver/testdata/mock.c")
  export BNAS_MOCK_DRIVER=1 LD_LIBRARY_PATH=$mock${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
# The C compiler reads these variables itself. Go therefore keeps its build cache of the packages that need neither.
export C_INCLUDE_PATH=$toolkit/include${C_INCLUDE_PATH:+:$C_INCLUDE_PATH}
export LIBRARY_PATH=$stub${LIBRARY_PATH:+:$LIBRARY_PATH}
exec "$@"
