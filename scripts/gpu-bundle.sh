#!/usr/bin/env bash
# Builds a folder that gpu-check.sh can use on a machine that has a GPU and nothing else: scripts/gpu-bundle.sh DIR
# Copy the folder there and run DIR/gpu-check.sh --bundle DIR.
set -euo pipefail
[ $# = 1 ] || { echo "usage: scripts/gpu-bundle.sh DIR" >&2; exit 2; }
mkdir -p "$1"
out=$(realpath "$1")
cd "$(dirname "$0")/.."
GO=${GO:-go}
small=(-tags cuda,netgo,osusergo -ldflags '-s -w')

programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
scripts/with-cuda.sh "$GO" build "${small[@]}" -o "$programs/bnas-cuda" ./cmd/bnas
scripts/with-cuda.sh "$GO" test -c "${small[@]}" -o "$programs/" ./cuda ./cuda/driver
tar -C "$programs" -czf "$out/programs.tar.gz" .
cp scripts/gpu-check.sh scripts/compare_torch.py scripts/compare_torch_gpu.py scripts/torch_spaces.py "$out/"
{ git rev-parse --short HEAD; git diff --quiet HEAD -- || echo "with changes not committed"; } >"$out/commit" 2>/dev/null || true
du -ch "$out"/* | tail -1 | sed "s|total|in $1|" >&2
