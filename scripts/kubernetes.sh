#!/usr/bin/env bash
# Checks the manifests of examples/kubernetes against the schemas of the oldest Kubernetes that they are for, and of a new one.
# pip fetches the schemas once, 22 MB, into bnas's cache folder.
set -euo pipefail
cd "$(dirname "$0")/.."
check() { scripts/with-python.sh kubernetes-requirements.txt python3 -m kubernetes_validate --strict --quiet "$@"; }
check -k 1.29.0 examples/kubernetes/*.yaml
check -k 1.37.0 examples/kubernetes/*.yaml
if check <(sed 's/fsGroup:/fsgroup:/' examples/kubernetes/run.yaml) >/dev/null 2>&1; then
  echo "kubernetes: a field that is not in the schema was accepted" >&2
  exit 1
fi
