#!/usr/bin/env bash
# Runs a command with a python3 that has the packages of a list: scripts/with-python.sh requirements.txt COMMAND…
# The list is in the folder of this script. pip fetches the packages once, into bnas's cache folder, if python3 lacks one.
set -euo pipefail
list=$1
needed="$(dirname "$0")/$list"
shift
modules=$(sed -E 's/[^a-z].*//' "$needed" | paste -sd,)
has() { (cd / && "$1" -c "import $modules") 2>/dev/null; } # not here: a folder of the name of a module would pass for it
if ! has python3; then
  env=${XDG_CACHE_HOME:-$HOME/.cache}/bnas/python-$(sha256sum "$needed" | cut -c1-12)
  if ! has "$env/bin/python3"; then
    python3 -m venv "$env" && "$env/bin/python3" -m pip install --quiet --disable-pip-version-check -r "$needed" ||
      { echo "with-python: pip cannot fetch the packages of $list" >&2; exit 1; }
  fi
  export PATH=$env/bin:$PATH
fi
exec "$@"
