#!/usr/bin/env bash
# Looks for known vulnerabilities in the code that bnas calls. Without the database on the network it says so and ends well.
set -uo pipefail
cd "$(dirname "$0")/.."
report=$(go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./... 2>&1)
status=$?
if [ $status -ne 0 ] && grep -q "fetching vulnerabilities" <<<"$report"; then
  echo "LEFT OUT: known vulnerabilities: the database cannot be reached"
  exit 0
fi
echo "$report"
exit $status
