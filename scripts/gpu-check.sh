#!/usr/bin/env bash
# For whoever has a GPU: runs the suite on it, compute-sanitizer where that is installed, the benchmarks, PyTorch's where
# that is installed, and writes one file of results: scripts/gpu-check.sh [FILE]. It goes on after a failure and ends
# with 1 if there was one.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
results=$(realpath -m "${1:-gpu-results-$(date -u +%Y%m%d-%H%M%S).txt}")
command -v nvidia-smi >/dev/null || { echo "gpu-check: no NVIDIA driver: nvidia-smi is not there (in a container: --gpus all)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bnas=bin/bnas-cuda
failed=0

say() { echo "$*" | tee -a "$results"; }

# section NAME COMMAND...: the output goes into the file, the end of it and the time onto the screen.
section() {
  local name=$1 start=$SECONDS verdict=passed
  shift
  say "" && say "## $name" && say "\$ $*"
  "$@" >"$work/out" 2>&1 || { verdict="FAILED ($?)"; failed=1; }
  cat "$work/out" >>"$results"
  tail -n 12 "$work/out"
  say "$name: $verdict, $((SECONDS - start)) s"
}

: >"$results" || exit 1
say "# bnas on a GPU, $(date -u +%Y-%m-%dT%H:%MZ), commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
section "the machine" nvidia-smi --query-gpu=name,compute_cap,driver_version,memory.total,clocks.max.sm,clocks.max.memory,power.limit --format=csv
section "build" make cuda
section "build of the tests" scripts/with-cuda.sh go test -c -tags cuda -o "$work/" ./cuda ./cuda/driver
section "doctor" "$bnas" doctor

section "driver" "$work/driver.test" -test.run '^TestReal' -test.v
section "suite" "$work/cuda.test" -test.run '^TestRealConformance$' -test.v -test.timeout 60m

if sanitizer=$(command -v compute-sanitizer); then
  for tool in memcheck racecheck synccheck initcheck; do
    section "compute-sanitizer $tool" env BNAS_SANITIZER=1 "$sanitizer" --tool "$tool" --error-exitcode 9 --print-limit 20 \
      "$work/cuda.test" -test.run '^TestRealConformance$' -test.timeout 120m
  done
else
  say "" && say "compute-sanitizer: not installed (it comes with the CUDA toolkit)"
fi

for arch in all3x3 mixed; do
  for precision in fp32 tf32 fp16 bf16; do
    section "step $arch $precision" "$bnas" bench step --device gpu --bn standard --arch "$arch" --batch 256 --precision "$precision" --repeats 50 --json --quiet
  done
done
section "tangent kernel" "$bnas" bench ntk --device gpu --bn standard --repeats 20 --json --quiet
section "convolutions" "$bnas" bench kernel --device gpu --bn standard --arch all3x3 --batch 256 --json --quiet

if python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
  section "against PyTorch" python3 scripts/compare_torch_gpu.py --bnas "$bnas"
else
  say "" && say "PyTorch: not installed with CUDA (scripts/requirements.txt)"
fi

say "" && say "written: $results"
exit "$failed"
