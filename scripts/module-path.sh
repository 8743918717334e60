#!/usr/bin/env bash
# Changes the module path everywhere: go.mod, the imports, the program outside of the module.
#
#   scripts/module-path.sh github.com/you/bnas
set -euo pipefail
cd "$(dirname "$0")/.."
new=${1:?"usage: scripts/module-path.sh NEW-PATH"}
[[ $new =~ ^[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9._~-]+)*$ ]] || {
  echo "module-path: $new is no module path: its first element needs a dot, as in github.com/you/bnas" >&2
  exit 2
}
old=$(sed -n 's/^module //p' go.mod)
quoted=${old//./\\.}
find . -name go.mod -not -path './.git/*' -exec sed -i "s#\(^\|[[:space:]]\)$quoted\([[:space:]]\|$\)#\1$new\2#" {} +
find . \( -name '*.go' -o -name '*.md' \) -not -path './.git/*' -exec sed -i "s#\"$quoted/#\"$new/#g; s#\b$quoted/cmd/#$new/cmd/#g" {} +
gofmt -w $(find . -name '*.go' -not -path './.git/*' -exec grep -l "\"$new/" {} +)
echo "$old is now $new; go vet ./... checks it"
