#!/usr/bin/env bash
# Lists the functions that no program of the module reaches. scripts/deadcode.txt has the reason for each. A function without
# a reason is an error, and so is a reason without a function.
set -euo pipefail
cd "$(dirname "$0")/.."
explained=scripts/deadcode.txt
export CXX="$PWD/scripts/empty-cxx.sh"
# "go tool" would build it without GOFLAGS, and most of the standard library for it.
${GO:-go} run golang.org/x/tools/cmd/deadcode -tags gpusim,netgo,osusergo -f '{{range .Funcs}}{{printf "%s:%s\n" $.Path .Name}}{{end}}' ./... |
  sed "s#^$(sed -n 's/^module //p' go.mod)/##" | sort -u |
  awk -v list="$explained" '
    BEGIN {
      while ((getline line < list) > 0)
        if (line !~ /^#/ && line != "") { split(line, part, /[ \t]+/); why[part[1]] = 1 }
    }
    {
      split($0, at, ":"); name = at[2]; sub(/\..*/, "", name)
      if ($0 in why) used[$0] = 1
      else if (at[1] ":" name in why) used[at[1] ":" name] = 1
      else if (at[1] in why) used[at[1]] = 1
      else { print "deadcode: " $0 ": no program reaches it, and " list " does not say why it stays"; bad = 1 }
    }
    END {
      for (w in why) if (!(w in used)) { print "deadcode: " list ": " w " is reached, or is gone: take its line out"; bad = 1 }
      exit bad
    }'
