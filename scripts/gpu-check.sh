#!/usr/bin/env bash
# Checks and times bnas on a GPU and writes one file of results:
#
#     scripts/gpu-check.sh [--bundle DIR] [--seconds N] [--suites NAMES] [--small] [FILE]
#
# It runs doctor, the driver's tests, the conformance suite in every precision, training steps, and PyTorch's steps, ncu and
# compute-sanitizer if they are installed. What ncu counts is held against the instructions of bnas plan.
#
# --bundle takes the programs from a folder of gpu-bundle.sh and needs neither Go nor a network. Without it the programs are
# built first. --seconds bounds the time of all sections; a section without time left is named and skipped. --suites 'bf16-half fp32'
# runs the conformance suite with these options only. --small takes small networks and few images: it shows whether everything
# runs, and its times mean nothing. The script continues after a failure and then ends with 1.
#
# It needs bash, cat, date, grep, gzip, head, mktemp, nvidia-smi, rm, tail, tar and timeout.
set -uo pipefail
stop() { echo "gpu-check: $2" >&2; exit "$1"; }
usage() { stop 2 "usage: gpu-check.sh [--bundle DIR] [--seconds N] [--suites NAMES] [--small] [FILE]"; }
bundle='' seconds=0 results='' small=''
all_suites='bf16-half fp32 tf32 fp16 bf16 half fp32-no-graphs' asked=$all_suites
while [ $# -gt 0 ]; do
  case $1 in
    --bundle)
      bundle=${2:-}
      [ -f "$bundle/programs.tar.gz" ] || stop 2 "--bundle $bundle: no programs.tar.gz in it; scripts/gpu-bundle.sh makes it"
      shift 2 ;;
    --seconds)
      case ${2:-} in '' | *[!0-9]* | ??????????*) usage ;; esac
      seconds=$((10#$2))
      shift 2 ;;
    --suites)
      asked=${2:-}
      [ -n "${asked// /}" ] || usage
      for name in $asked; do [[ " $all_suites " == *" $name "* ]] || stop 2 "--suites: there is no suite $name, but $all_suites"; done
      shift 2 ;;
    --small) small=1; shift ;;
    -* | '') usage ;;
    *) [ -z "$results" ] || usage; results=$1; shift ;;
  esac
done
results=${results:-gpu-results-$(date -u +%Y%m%d-%H%M%S).txt}
case $results in /*) ;; *) results=$PWD/$results ;; esac
command -v nvidia-smi >/dev/null || stop 1 "no NVIDIA driver: nvidia-smi is not there (in a container: --gpus all)"
{ : >"$results"; } 2>/dev/null || stop 1 "cannot write $results"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
# A device for --small may be slow: the sections have ten times their own limit.
patience=${small:+10}
patience=${patience:-1}

# keep COMMAND...: its output goes into the file.
lost=''
keep() { "$@" >>"$results" 2>/dev/null || lost=1; }

say() { echo "$*"; keep echo "$*"; }

# skip NAME REASON: a section that does not run.
skip() { say "" && say "## $1" && say "$1: LEFT OUT, $2"; }

# left LIMIT: the seconds that a section may take, at most LIMIT; everything without --seconds. A program that does not end
# when it is told to has 5 more, and 3 are for what is written then.
left() {
  [ "$seconds" -gt 0 ] || { echo 86400; return; }
  local rest=$((seconds - SECONDS - 8))
  echo $((rest < $1 ? rest : $1))
}

# judge NAME CODE SECONDS LIMIT OWN: the verdict on a section that had LIMIT seconds. A section that its OWN limit stopped
# has failed. A section that --seconds stopped before that is no failure.
judge() {
  case $2 in
    0) say "$1: passed, $3 s" ;;
    124 | 137)
      if [ "$seconds" -gt 0 ] && [ "$4" -lt "$5" ]; then
        say "$1: NOT FINISHED in $3 s"
      else
        say "$1: FAILED ($2): longer than $4 s" && failed=1
      fi ;;
    *) say "$1: FAILED ($2), $3 s"; failed=1 ;;
  esac
}

# section NAME LIMIT COMMAND...: the output goes into the file, the end of it and the time onto the screen.
section() {
  local name=$1 own=$(($2 * patience)) limit start=$SECONDS code
  limit=$(left "$own")
  shift 2
  [ "$limit" -ge 5 ] || { skip "$name" "no time"; return; }
  say "" && say "## $name"
  say "\$ $*"
  { timeout -k 5 "$limit" "$@" >"$work/out" 2>&1; code=$?; } 2>/dev/null
  keep cat "$work/out"
  tail -n 12 "$work/out"
  judge "$name" "$code" $((SECONDS - start)) "$limit" "$own"
}

# together LIMIT NAME=COMMAND...: sections that run at the same time, for correctness and not for speed. One without a command was not
# asked for.
together() {
  local own=$(($1 * patience)) limit start=$SECONDS one name code took
  limit=$(left "$own")
  shift
  if [ "$limit" -lt 5 ]; then
    for one in "$@"; do skip "${one%%=*}" "no time"; done
    return
  fi
  for one in "$@"; do
    name=${one%%=*}
    [ -n "${one#*=}" ] || continue
    # bash says on stderr that a program was killed; the verdict says it.
    { timeout -k 5 "$limit" bash -c "${one#*=}" >"$work/$name.out" 2>&1; echo "$? $((SECONDS - start))" >"$work/$name.end"; } 2>/dev/null &
  done
  wait
  for one in "$@"; do
    name=${one%%=*}
    [ -n "${one#*=}" ] || { skip "$name" "--suites"; continue; }
    say "" && say "## $name"
    say "\$ ${one#*=}"
    grep -E -v '^ *(=== |--- (PASS|SKIP))' "$work/$name.out" | head -n 400 >"$work/shown"
    keep cat "$work/shown"
    head -n 12 "$work/shown"
    say "passed $(grep -c -E '^ *--- PASS' "$work/$name.out"), failed $(grep -c -E '^ *--- FAIL' "$work/$name.out"), skipped $(grep -c -E '^ *--- SKIP' "$work/$name.out")"
    read -r code took <"$work/$name.end"
    [ "$code" != 0 ] || grep -q -E '^ +--- ' "$work/$name.out" || code='there is no such test'
    judge "$name" "$code" "$took" "$limit" "$own"
  done
}

if [ -z "$bundle" ]; then
  bundle=$work/bundle
  "$(dirname "$0")/gpu-bundle.sh" "$bundle" || exit
fi
bundle=$(cd "$bundle" && pwd)
if ! tar -C "$work" -xzf "$bundle/programs.tar.gz" 2>"$work/tar.err"; then
  rm -f "$results"
  stop 1 "$bundle/programs.tar.gz is damaged: $(head -n 1 "$work/tar.err"); scripts/gpu-bundle.sh makes it"
fi
bnas=$work/bnas-cuda

# The sizes: those of the results that are kept, or small ones.
train=(--batch 256 --steps 200 --rank-every 0) step=(--batch 256 --repeats 50 --warmup 10) tangent=(--repeats 20) scoring=(--repeats 30) layers=(--batch 256) suite=''
profiled=(--batch 256)
if [ -n "$small" ]; then
  few=(--channels 8 --cells 1) few8=("${few[@]}" --height 8 --width 8)
  train=("${few[@]}" --batch 2 --steps 2 --rank-every 0) step=("${few8[@]}" --batch 2 --repeats 1 --warmup 1)
  tangent=("${few8[@]}" --batch 2 --repeats 1 --warmup 0) layers=("${tangent[@]}") scoring=("${few8[@]}" --images 8 --ntk-images 2 --repeats 2 --warmup 1) suite='BNAS_SMALL=1 '
  profiled=("${few8[@]}" --batch 2)
fi

# Fresh random programs each time; the seed of an earlier file repeats its programs.
export BNAS_KERNELTEST_SEED=${BNAS_KERNELTEST_SEED:-$((RANDOM << 15 | RANDOM))}

say "# bnas on a GPU, $(date -u +%Y-%m-%dT%H:%MZ), commit $(echo $(cat "$bundle/commit" 2>/dev/null))${small:+, --small}"
say "BNAS_KERNELTEST_SEED=$BNAS_KERNELTEST_SEED"
section "the machine" 20 nvidia-smi --query-gpu=name,compute_cap,driver_version,memory.total,clocks.max.sm,clocks.max.memory,power.limit --format=csv
section "doctor" 60 "$bnas" doctor
section "driver" 60 "$work/driver.test" -test.run '^TestReal' -test.v

suites=()
for options in $all_suites; do
  [[ " $asked " == *" $options "* ]] || { suites+=("suite-$options="); continue; }
  suites+=("suite-$options=$suite'$work/cuda.test' -test.run '^TestRealConformance$/^$options$' -test.v -test.timeout 60m")
done
together 180 "${suites[@]}"

for arch in all3x3 mixed; do
  for precision in "bf16 --half" bf16 fp16 tf32 fp32; do
    # shellcheck disable=SC2086
    section "step $arch $precision" 30 "$bnas" bench step --device gpu --bn standard --arch "$arch" --precision $precision "${step[@]}" --json --quiet
  done
done
section "tangent kernel" 40 "$bnas" bench ntk --device gpu --bn standard "${tangent[@]}" --json --quiet
section "scoring" 60 "$bnas" bench score --device gpu "${scoring[@]}" --json --quiet
section "convolutions" 40 "$bnas" bench kernel --device gpu --bn standard --arch all3x3 "${layers[@]}" --json --quiet

if [ -n "$small" ]; then
  skip "against PyTorch" "--small"
elif [ "$(left 60)" -ge 5 ] && timeout -k 5 "$(left 60)" python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
  section "against PyTorch" 160 python3 "$bundle/compare_torch_gpu.py" --bnas "$bnas"
  section "against compiled PyTorch" 150 python3 "$bundle/compare_torch_gpu.py" --bnas "$bnas" --precision bf16 --mode compiled
else
  skip "against PyTorch" "torch is not installed with CUDA (scripts/requirements.txt), or no time"
fi

for sampling in uniform strict; do
  section "training, $sampling paths" 60 "$bnas" train --device gpu --precision bf16 --half --data fashion "${train[@]}" --sampling "$sampling" --out "$work/train-$sampling" --quiet
done
section "training, strict paths one by one" 60 "$bnas" train --device gpu --threads 1 --precision bf16 --half --data fashion "${train[@]}" --sampling strict --out "$work/train-one-by-one" --quiet

if ncu=$(command -v ncu); then
  for arch in all3x3 mixed; do
    rm -f "$work/out"
    section "profile $arch" 60 "$ncu" --clock-control none --cache-control none --csv --print-units base --print-summary per-kernel \
      --metrics gpu__time_duration.sum,smsp__inst_executed.sum,sm__inst_executed.avg.per_cycle_elapsed,dram__bytes.sum,sm__warps_active.avg.pct_of_peak_sustained_active \
      "$bnas" bench step --device gpu --bn standard --arch "$arch" "${profiled[@]}" --precision bf16 --half --repeats 1 --warmup 0 --json --quiet
    if [ -e "$work/out" ]; then
      cat "$work/out" >"$work/profile"
      section "instructions $arch" 60 "$bnas" plan "$arch" --bn standard "${profiled[@]}" --precision bf16 --half --ncu "$work/profile"
    else
      skip "instructions $arch" "there is no profile"
    fi
  done
else
  for name in profile instructions; do skip "$name" "ncu is not installed (it comes with the CUDA toolkit)"; done
fi

if sanitizer=$(command -v compute-sanitizer); then
  checks=()
  for tool in memcheck racecheck synccheck initcheck; do
    checks+=("compute-sanitizer-$tool=BNAS_SMALL=1 '$sanitizer' --tool $tool --error-exitcode 9 --print-limit 20 '$work/cuda.test' -test.run '^TestRealConformance$/^bf16-half$' -test.v -test.timeout 120m")
  done
  together 7200 "${checks[@]}"
else
  skip "compute-sanitizer" "it is not installed (it comes with the CUDA toolkit)"
fi

say "" && say "written: $results"
[ -z "$lost" ] || stop 1 "not all could be written to $results: is the disk full?"
exit "$failed"
