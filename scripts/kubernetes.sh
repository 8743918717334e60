#!/usr/bin/env bash
# Checks the manifests of examples/kubernetes against the schemas of the oldest Kubernetes that they are for, and of a new one.
# pip fetches the schemas once, 22 MB, into bnas's cache folder. Where it cannot, the check is left out with a message.
set -euo pipefail
cd "$(dirname "$0")/.."
pinned=scripts/kubernetes-requirements.txt
tools=${XDG_CACHE_HOME:-$HOME/.cache}/bnas/kubernetes-$(sha256sum "$pinned" | cut -c1-12)
if [ ! -d "$tools" ]; then
  mkdir -p "$(dirname "$tools")"
  new=$(mktemp -d "$tools.XXXXXX")
  trap 'rm -rf "$new"' EXIT
  PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$new" -r "$pinned" ||
    { echo "LEFT OUT: the manifests of Kubernetes: pip cannot fetch the schemas" >&2; exit 0; }
  mv -T "$new" "$tools" 2>/dev/null || [ -d "$tools" ] # another process may have been first
fi

check() { PYTHONPATH=$tools python3 -m kubernetes_validate --strict --quiet "$@"; }
check -k 1.29.0 examples/kubernetes/*.yaml
check -k 1.37.0 examples/kubernetes/*.yaml
if check <(sed 's/fsGroup:/fsgroup:/' examples/kubernetes/run.yaml) >/dev/null 2>&1; then
  echo "kubernetes: a field that is not in the schema was accepted" >&2
  exit 1
fi
