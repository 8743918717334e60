#!/usr/bin/env bash
# Builds the archives of a release: scripts/dist.sh [DIR], dist by default. The same commit gives the same bytes, in any folder.
#   bnas-VERSION-linux-amd64.tar.gz         the CPU engine; one static program
#   bnas-VERSION-linux-arm64.tar.gz         the same, with a cross compiler: aarch64-linux-gnu-gcc, or CC_LINUX_ARM64
#   bnas-VERSION-linux-arm64-nocgo.tar.gz   without one: the reference device alone
#   bnas-VERSION-darwin-arm64-nocgo.tar.gz  the reference device alone
#   bnas_VERSION_ARCH.deb                   of each archive with the CPU engine
#   bnas-VERSION.cdx.json                   the modules in the program for linux-amd64: an SBOM of CycloneDX
#   SHA256SUMS
# Archives and packages have the licences of what is linked into the program (scripts/licenses.sh).
# VERSION is the tag of the commit, or 0.0.0-DATE.COMMIT. GO names the go command. nfpm and cyclonedx-gomod come from the Go proxy.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mkdir -p "${1:-dist}" && cd "${1:-dist}" && pwd)
go=${GO:-go}
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
umask 022
nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.0
sbom=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

version=$(git describe --tags --exact-match 2>/dev/null) ||
  version=0.0.0-$(date -d "@$SOURCE_DATE_EPOCH" +%Y%m%d).$(git rev-parse --short=12 HEAD)
version=${version#v}
git diff --quiet HEAD || { version+=.dirty; echo "dist: the sources differ from the commit; the archives say dirty" >&2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
find "$out" -mindepth 1 -maxdepth 1 \( -name 'bnas[-_]*' -o -name SHA256SUMS \) -delete

# build OS ARCH CC FILE compiles the program; CC empty is without cgo.
build() {
  local flags=(-trimpath -buildvcs=auto -tags netgo,osusergo -ldflags '-s -w -buildid= -extldflags=-static')
  if [ -z "$3" ]; then flags=(-trimpath -buildvcs=auto -ldflags '-s -w -buildid='); fi
  CGO_ENABLED=$([ -n "$3" ] && echo 1 || echo 0) GOOS=$1 GOARCH=$2 CC=$3 "$go" build "${flags[@]}" -o "$4" ./cmd/bnas
}

# pack NAME PROGRAM makes an archive with the program and what belongs to it.
pack() {
  local folder=$work/pack/$1
  mkdir -p "$folder"
  cp -r "$work/share/." README.md LICENSE CHANGELOG.md CITATION.cff docs "$folder"
  install -m 755 "$2" "$folder/bnas"
  chmod -R u=rwX,go=rX "$folder"
  tar -C "$work/pack" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu -cf - "$1" |
    gzip -n9 >"$out/$1.tar.gz"
}

# package ARCH PROGRAM makes a Debian package.
package() {
  local deb=$work/deb-$1
  mkdir -p "$deb/man"
  cp "$2" "$deb/bnas"
  cp "$work"/share/man/*.1 "$deb/man"
  gzip -n9 "$deb"/man/*.1
  cp -r "$work/share/completion" "$work/share/licenses" "$deb"
  sed -e "s|@ARCH@|$1|; s|@VERSION@|$version|; s|@FROM@|$deb|; s|@SOURCE@|$PWD|" scripts/nfpm.yaml >"$deb/nfpm.yaml"
  find "$deb" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +
  "$go" run "$nfpm" package -f "$deb/nfpm.yaml" -p deb -t "$out/bnas_${version}_$1.deb" >/dev/null
}

# The pages and scripts are those of the program of this machine.
build "$("$go" env GOHOSTOS)" "$("$go" env GOHOSTARCH)" "" "$work/host"
"$work/host" man --quiet --out "$work/share/man" >/dev/null
mkdir -p "$work/share/completion"
GO=$go scripts/licenses.sh "$work/share/licenses"
for c_library in /usr/share/doc/libc6-dev/copyright /usr/share/doc/libc6/copyright ''; do # linked into the programs for Linux
  [ ! -e "$c_library" ] || break
done
if [ -n "$c_library" ]; then
  install -D -m 644 "$c_library" "$work/share/licenses/glibc/copyright"
else
  echo "dist: no copyright of the C library is on this machine: put its licence into licenses/ of the archives for Linux" >&2
fi
for shell in bash zsh fish powershell; do "$work/host" completion "$shell" >"$work/share/completion/$shell"; done

cc_amd64=${CC_LINUX_AMD64:-$([ "$("$go" env GOHOSTARCH)" = amd64 ] && echo gcc || echo x86_64-linux-gnu-gcc)}
cc_arm64=${CC_LINUX_ARM64:-$([ "$("$go" env GOHOSTARCH)" = arm64 ] && echo gcc || echo aarch64-linux-gnu-gcc)}
for arch in amd64 arm64; do
  cc=cc_$arch
  cc=${!cc}
  if command -v "${cc%% *}" >/dev/null; then
    build linux "$arch" "$cc" "$work/linux-$arch"
    pack "bnas-$version-linux-$arch" "$work/linux-$arch"
    package "$arch" "$work/linux-$arch"
  else
    echo "dist: no $cc: linux-$arch is without the CPU engine, and has no package" >&2
    build linux "$arch" "" "$work/linux-$arch"
    pack "bnas-$version-linux-$arch-nocgo" "$work/linux-$arch"
  fi
done
build darwin arm64 "" "$work/darwin"
pack "bnas-$version-darwin-arm64-nocgo" "$work/darwin"

# Without its time the list depends on the program alone.
GOFLAGS=-trimpath "$go" run "$sbom" bin -json -noserial -output "$work/sbom.json" "$work/linux-amd64" 2>"$work/sbom.log" ||
  { cat "$work/sbom.log" >&2; exit 1; }
sed '/^ *"timestamp": /d' "$work/sbom.json" >"$out/bnas-$version.cdx.json"
(cd "$out" && sha256sum -- bnas* >SHA256SUMS)
ls -l "$out"
