#!/usr/bin/env bash
# Runs every fuzz target of the module for the given time: scripts/fuzz.sh 30s
# On a slow machine Go can end a target with "context deadline exceeded" when the time is over, without an input that fails:
# such a target runs once more.
set -euo pipefail
time=${1:-10s}
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
grep -rHoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' . | while IFS=: read -r file func; do
  name=${func#func }
  echo "== $(dirname "$file") $name"
  fuzz() { go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 10x "$(dirname "$file")" 2>&1 | tee "$log"; }
  fuzz || { grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log" && fuzz; }
done
