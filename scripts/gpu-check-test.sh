#!/usr/bin/env bash
# Runs gpu-check.sh --bundle as on a machine that has a GPU and nothing else: an empty environment, the tools that the
# script names, no network, and a temporary folder.
#
# First the programs are fakes that pass, fail or hang: the verdicts, the time and the exit status are tested. Then they are
# those of gpu-bundle.sh on the mock driver, which runs the kernels of kernels/gpu. That needs g++, CUDA's headers, and the
# right to unshare namespaces. BNAS_LONG=1 adds a run in which every launch fails, and one that has no time.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "gpu-check-test: $*" >&2
  [ ! -f "$work/results" ] || { echo "the file of results:"; cat "$work/results"; } >&2
  exit 1
}

# A PATH of the tools that gpu-check.sh names, and nvidia-smi.
mkdir "$work/bin" "$work/none" "$work/tmp" "$work/dev" "$work/programs" "$work/fake" "$work/damaged"
for tool in bash cat date grep gzip head mktemp rm tail tar timeout; do
  ln -s "$(command -v "$tool")" "$work/bin/"
  ln -s "$(command -v "$tool")" "$work/none/"
done
printf '#!%s\necho "name, compute_cap"\necho "mock GPU, 8.9"\n' "$work/bin/bash" >"$work/bin/nvidia-smi"
chmod +x "$work/bin/nvidia-smi"

# A fake of each program. FAIL, EMPTY and HANG name those that fail, those that run no test, and those that only SIGKILL ends.
mkfifo "$work/quiet"
for program in bnas-cuda cuda.test driver.test; do
  cat >"$work/programs/$program" <<END
#!$work/bin/bash
[[ " \${FAIL:-} " != *" $program "* ]] || { echo broken; exit 3; }
[[ " \${HANG:-} " != *" $program "* ]] || { trap '' TERM; while :; do read -r -t 9 <>"$work/quiet" || true; done; }
[[ " \${EMPTY:-} " != *" $program "* ]] || { echo "--- PASS: without a test in it"; exit; }
echo "    --- PASS: this is $program"
END
  chmod +x "$work/programs/$program"
done
tar -C "$work/programs" -czf "$work/fake/programs.tar.gz" .
head -c 99 "$work/fake/programs.tar.gz" >"$work/damaged/programs.tar.gz"

# Namespaces without a network, where there is the driver's control device and nothing else of it.
cat >"$work/enter" <<END
set -e
mount -t tmpfs none "$work/dev"
for name in null zero full random urandom; do : >"$work/dev/\$name"; mount --bind /dev/\$name "$work/dev/\$name"; done
ln -s /proc/self/fd "$work/dev/fd"
: >"$work/dev/nvidiactl"
mount --rbind "$work/dev" /dev
exec "\$@"
END
alone=()
if unshare -rmn bash "$work/enter" bash -c ': >/dev/null' 2>/dev/null; then
  alone=(unshare -rmn bash "$work/enter")
fi

# check [NAME=VALUE...] -- ARGUMENT...: runs gpu-check.sh of the bundle; sets code, took and the files out and err.
check() {
  local variables=() start=$SECONDS
  while [ "$1" != -- ]; do variables+=("$1"); shift; done
  shift
  rm -f "$work/results"
  code=0
  "${alone[@]}" env -i PATH="$work/bin" HOME="$work/tmp" TMPDIR="$work/tmp" "${variables[@]}" \
    bash "$script" "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
  took=$((SECONDS - start))
  [ -z "$(ls -A "$work/tmp")" ] || fail "it leaves $(ls -A "$work/tmp") behind"
}

# refused WORDS [NAME=VALUE...] -- ARGUMENT...: it says one line with WORDS and does nothing.
refused() {
  local words=$1
  shift
  check "$@"
  [ "$code" != 0 ] || fail "$*: the exit status is 0"
  [ ! -s "$work/out" ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -qF -- "$words" "$work/err" || fail "$*: it says: $(cat "$work/out" "$work/err")"
}

steps=()
for arch in all3x3 mixed; do
  for precision in "bf16 --half" bf16 fp16 tf32 fp32; do steps+=("step $arch $precision"); done
done
sections=("the machine" doctor driver suite-{bf16-half,fp32,tf32,fp16,bf16,half,fp32-no-graphs} "${steps[@]}" "tangent kernel" scoring
  convolutions "against PyTorch" "training, uniform paths" "training, strict paths" "training, strict paths one by one" profile instructions compute-sanitizer)

# verdicts: each section of the file that has a verdict, in order.
verdicts() {
  awk '/^## / { name = substr($0, 4); next }
    name != "" && index($0, name ": ") == 1 {
      rest = substr($0, length(name) + 3)
      if (match(rest, /^(passed|FAILED|NOT FINISHED|LEFT OUT)/)) { print name ": " substr(rest, 1, RLENGTH); name = "" }
    }' "$work/results"
}

# expect CODE VERDICT [SECTIONS=VERDICT...]: the exit status, and the verdict on all sections but those that match a pattern.
# What is not installed is left out.
expect() {
  local want_code=$1 usual=$2 section verdict exception
  shift 2
  for section in "${sections[@]}"; do
    verdict=$usual
    for exception in "$@"; do
      # shellcheck disable=SC2254
      case $section in ${exception%%=*}) verdict=${exception#*=} ;; esac
    done
    case $section in "against PyTorch" | profile | instructions | compute-sanitizer) verdict="LEFT OUT" ;; esac
    echo "$section: $verdict"
  done >"$work/want"
  verdicts >"$work/got"
  diff "$work/want" "$work/got" >"$work/diff" || fail "the verdicts (< wanted, > written): $(cat "$work/diff")"
  [ "$(tail -n 1 "$work/results")" = "written: $work/results" ] || fail "the file is not whole"
  [ "$code" = "$want_code" ] || fail "the exit status is $code, not $want_code"
  [ ! -s "$work/err" ] || fail "it says on stderr: $(cat "$work/err")"
}

script=scripts/gpu-check.sh
fake=(--bundle "$work/fake")
refused "no programs.tar.gz in it" -- --bundle "$work/none" "$work/results"
refused "no programs.tar.gz in it" -- --bundle
refused "programs.tar.gz is damaged" -- --bundle "$work/damaged" "$work/results"
[ ! -e "$work/results" ] || fail "a damaged bundle leaves a file of results"
refused "cannot write" -- "${fake[@]}" "$work/absent/results"
refused "usage:" -- "${fake[@]}" --second 9
refused "usage:" -- "${fake[@]}" --seconds nine
refused "usage:" -- "${fake[@]}" --seconds
refused "usage:" -- "${fake[@]}" --suites
refused "there is no suite fp64, but bf16-half fp32" -- "${fake[@]}" --suites "fp32 fp64"
refused "usage:" -- "${fake[@]}" "$work/results" "$work/results"
refused "nvidia-smi is not there" PATH="$work/none" -- "${fake[@]}" "$work/results"

check -- "${fake[@]}" --seconds 0600 "$work/results"
expect 0 passed
check FAIL="cuda.test" -- "${fake[@]}" --small "$work/results"
expect 1 passed 'suite-*=FAILED'
check FAIL="bnas-cuda driver.test" -- "${fake[@]}" "$work/results"
expect 1 FAILED 'the machine=passed' 'suite-*=passed'
check EMPTY="cuda.test" -- "${fake[@]}" "$work/results"
expect 1 passed 'suite-*=FAILED'
check -- "${fake[@]}" --suites "half fp32" "$work/results"
expect 0 passed suite-{bf16-half,tf32,fp16,bf16,fp32-no-graphs}="LEFT OUT"
check HANG="cuda.test" -- "${fake[@]}" --seconds 18 "$work/results"
expect 0 "LEFT OUT" 'the machine=passed' 'doctor=passed' 'driver=passed' 'suite-*=NOT FINISHED'
# The namespaces and rounding take up to 2 s.
[ "$took" -le 20 ] || fail "--seconds 18 took $took s"
check -- "${fake[@]}" /dev/full
[ "$code" = 1 ] && [ "$(cat "$work/err")" = "gpu-check: not all could be written to /dev/full: is the disk full?" ] ||
  fail "on a full disk: the exit status is $code, it says: $(cat "$work/err")"
echo "gpu-check.sh with fakes: passed"

left_out() { echo "LEFT OUT: gpu-check.sh on the mock driver needs $*"; exit 0; }
command -v "${CXX:-g++}" >/dev/null && command -v ar >/dev/null && command -v nm >/dev/null || left_out "g++ and binutils"
[ -n "${CUDA_HOME:-}" ] || python3 -m pip --version >/dev/null 2>&1 || left_out "CUDA's headers: pip (python3-pip) or CUDA_HOME"
[ ${#alone[@]} != 0 ] || left_out "unshare, and the right to mount in a namespace of its own"

scripts/gpu-bundle.sh "$work/carried" 2>/dev/null || fail "gpu-bundle.sh failed"
[ "$(du -sk "$work/carried" | cut -f1)" -le $((64 << 10)) ] || fail "the bundle is larger than 64 MiB"
mock=$(scripts/cuda-mock.sh)
# A seed may draw networks beyond the tolerance in reduced precision (docs/gpu-results.md); on the host's kernels 0 does.
on_mock=(LD_LIBRARY_PATH="$mock" BNAS_KERNELTEST_SEED=1)
bundle=(--bundle "$work/carried")
script=$work/carried/gpu-check.sh

# A fake of ncu, which runs the program and counts what bnas plan counts of it, a tenth more: right for all3x3; for mixed four
# times as much.
cat >"$work/bin/ncu" <<END
#!$work/bin/bash
while [[ \$1 == --* ]]; do [[ \$1 == --csv ]] || shift; shift; done
"\$@" || exit
bnas=\$1 options=() tenths=11
shift 3
while [ \$# -gt 0 ]; do
  case \$1 in
    --arch) options+=("\$2"); [ "\$2" != mixed ] || tenths=40; shift ;;
    --device | --repeats | --warmup) shift ;;
    --quiet) ;;
    *) options+=("\$1") ;;
  esac
  shift
done
echo '"Process ID","Kernel Name","Invocations","Metric Name","Metric Unit","Minimum","Maximum","Average"'
"\$bnas" plan "\${options[@]}" | grep -oE '"(kernel|warp_instructions)": *["a-z0-9_]+' | while IFS=' "' read -r _ key _ value; do
  case \$key in
    kernel) kernel=\$value ;;
    warp_instructions) [ -z "\$kernel" ] || echo "\"7\",\"\$kernel\",\"1\",\"smsp__inst_executed.sum\",\"inst\",\"0\",\"0\",\"\$((value * tenths / 10))\""; kernel= ;;
  esac
done
END
chmod +x "$work/bin/ncu"
with_ncu=()
for section in "${sections[@]}"; do
  case $section in
    profile) with_ncu+=("profile all3x3" "instructions all3x3") ;;
    instructions) with_ncu+=("profile mixed" "instructions mixed") ;;
    *) with_ncu+=("$section") ;;
  esac
done
sections=("${with_ncu[@]}")

# The emulated GPU has the suite in every precision, in the tests of package cuda.
few=() of_few=()
[ -n "${BNAS_LONG:-}" ] || few=(--suites fp32) of_few=(suite-{bf16-half,tf32,fp16,bf16,half,fp32-no-graphs}="LEFT OUT")
check "${on_mock[@]}" -- "${bundle[@]}" --small --seconds 1800 "${few[@]}" "$work/results"
expect 1 passed 'instructions mixed=FAILED' "${of_few[@]}"
grep -q 'mock GPU, sm_89' "$work/results" || fail "not the mock GPU"
grep -q 'does not agree with the plan: .* executed 4.0. times the instructions counted' "$work/results" || fail "the wrong count is not named"
echo "gpu-check.sh --small on the mock driver: passed, $took s"
[ -n "${BNAS_LONG:-}" ] || exit 0

check "${on_mock[@]}" BNAS_MOCK_FAIL=cuLaunchKernel:700 -- "${bundle[@]}" --small "$work/results"
expect 1 FAILED 'the machine=passed' 'doctor=passed' 'driver=passed'
grep -q 'CUDA_ERROR_ILLEGAL_ADDRESS' "$work/results" || fail "the fault is not in the file"
check "${on_mock[@]}" -- "${bundle[@]}" --seconds 30 "$work/results"
[ "$code" = 0 ] && [ "$took" -le 32 ] || fail "--seconds 30 took $took s and ended with $code"
[ "$(tail -n 1 "$work/results")" = "written: $work/results" ] || fail "the file is not whole"
echo "gpu-check.sh with failing launches, and without time: passed"
