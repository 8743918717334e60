#!/usr/bin/env bash
# Runs a command with CUDA's headers, and a stub of its driver to link against: scripts/with-cuda.sh go vet -tags cuda ./cuda
set -euo pipefail
here=$(dirname "$0")
toolkit=$("$here/cuda-toolchain.sh")
stub=$("$here/cuda-stub.sh")
export CGO_CFLAGS="-I$toolkit/include ${CGO_CFLAGS:--O2 -g}"
export CGO_LDFLAGS="-L$stub ${CGO_LDFLAGS:-}"
exec "$@"
