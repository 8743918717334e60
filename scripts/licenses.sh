#!/usr/bin/env bash
# Copies the licences and notices of what is linked into the programs: scripts/licenses.sh DIR. They belong to every copy of a program.
# DIR/MODULE@VERSION has those of a module, and those in the folders of its packages; DIR/go those of Go, DIR/fashion-mnist that of the
# images. A module without any is an error. GO names the go command.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mkdir -p "$1" && cd "$1" && pwd)
go=${GO:-go}

# keep FROM TO copies the licences of a folder, if it has any.
keep() {
  local file
  while IFS= read -r file; do
    install -D -m 644 "$file" "$2/$(basename "$file")"
  done < <(find "$1" -maxdepth 1 -type f -regextype posix-extended -iregex '.*/(licen[sc]e|copying|copyright|notice|patents|unlicense)([.-][^/]*)?')
}

# The packages of every program: MODULE@VERSION, the folder of the module, that of the package.
packages() {
  local list=("$go" list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}{{"\t"}}{{.Dir}}{{"\t"}}{{$.Dir}}{{end}}{{end}}')
  {
    CGO_ENABLED=1 GOOS=linux GOARCH=amd64 "${list[@]}" -tags netgo,osusergo,cuda,mpi ./cmd/bnas
    CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 "${list[@]}" ./cmd/bnas
  } | sort -u
}

found=$(packages)
while IFS=$'\t' read -r module root folder; do
  while :; do
    keep "$folder" "$out/$module${folder#"$root"}"
    [ "$folder" != "$root" ] || break
    folder=$(dirname "$folder")
  done
done <<<"$found"
cut -f1 <<<"$found" | sort -u | while IFS= read -r module; do
  [ -n "$(ls -A "$out/$module" 2>/dev/null)" ] || { echo "licenses: $module has none" >&2; exit 1; }
done
keep "$("$go" env GOROOT)" "$out/go"
keep data/fashion "$out/fashion-mnist"
for name in go fashion-mnist; do
  [ -e "$out/$name/LICENSE" ] || { echo "licenses: $name has none" >&2; exit 1; }
done
