#!/usr/bin/env bash
# Runs a command with a python3 that has torch, numpy and safetensors: scripts/with-torch.sh python3 scripts/verify_torch.py …
# pip fetches them once, into bnas's cache folder, if python3 does not have them.
set -euo pipefail
needed="$(dirname "$0")/requirements.txt"
if ! python3 -c 'import torch, numpy, safetensors' 2>/dev/null; then
  env=${XDG_CACHE_HOME:-$HOME/.cache}/bnas/torch-$(sha256sum "$needed" | cut -c1-12)
  if ! "$env/bin/python3" -c 'import torch, numpy, safetensors' 2>/dev/null; then
    python3 -m venv "$env" && "$env/bin/python3" -m pip install --quiet --disable-pip-version-check -r "$needed" ||
      { echo "with-torch: torch cannot be fetched with pip" >&2; exit 1; }
  fi
  export PATH=$env/bin:$PATH
fi
exec "$@"
