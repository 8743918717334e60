#!/usr/bin/env bash
# Checks the manifests of examples/kubernetes against the schemas of the oldest Kubernetes that they are for, and of a new one, and
# MPIJob and JobSet against the types of their authors. pip fetches the schemas once, 25 MB, into bnas's cache folder. Where it cannot, the
# check is left out with a message. That of MPIJob compiles a part of the operator: only with BNAS_LONG.
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
export PYTHONPATH=$tools
work=$(mktemp -d)
trap 'rm -rf "$work" "${new:-$work}"' EXIT

pods() { python3 scripts/kubernetes_pods.py "$@"; }
check() { python3 -m kubernetes_validate --strict --quiet "$@"; }
# refuses WHAT FILE SED COMMAND… fails if a changed manifest passes the command.
refuses() {
  sed "$3" "$2" >"$work/changed.yaml"
  cmp -s "$2" "$work/changed.yaml" && { echo "kubernetes: $2 has no $1" >&2; exit 1; }
  if "${@:4}" "$work/changed.yaml" >/dev/null 2>&1; then
    echo "kubernetes: a wrong $1 was accepted in $2" >&2
    exit 1
  fi
}
pods_of() { pods "$1" >"$work/pods.yaml" && check -k 1.37.0 "$work/pods.yaml"; }

pods examples/kubernetes/*.yaml >"$work/all.yaml"
check -k 1.29.0 "$work/all.yaml"
check -k 1.37.0 "$work/all.yaml"
refuses fsGroup examples/kubernetes/mpijob.yaml 's/fsGroup:/fsgroup:/' pods_of
refuses operator examples/kubernetes/jobset.yaml 's/operator: All/operator: Some/' pods
refuses launcher examples/kubernetes/jobset.yaml 's/name: launcher$/name: starter/' pods
refuses dependsOn examples/kubernetes/jobset.yaml 's/dependsOn:/dependson:/' pods
refuses status examples/kubernetes/jobset.yaml 's/status: Ready/state: Ready/' pods

for script in examples/slurm/*.sh; do bash -n "$script"; done
if [ -z "${BNAS_LONG:-}" ]; then
  exit 0
fi
(cd scripts/kubernetes && ${GO:-go} build -o "$work/mpijob" .) ||
  { echo "LEFT OUT: the MPIJob by the types of its operator, which Go cannot fetch" >&2; exit 0; }
mpijob() { "$work/mpijob" "$@"; }
mpijob examples/kubernetes/mpijob.yaml
refuses slotsPerWorker examples/kubernetes/mpijob.yaml 's/slotsPerWorker/slots/' mpijob
refuses cleanPodPolicy examples/kubernetes/mpijob.yaml 's/cleanPodPolicy: Running/cleanPodPolicy: Gone/' mpijob
refuses restartPolicy examples/kubernetes/mpijob.yaml 's/restartPolicy: OnFailure/restartPolicy: Sometimes/' mpijob
