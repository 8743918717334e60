#!/usr/bin/env bash
# Builds the archives of the committed sources twice, in two folders and with two umasks, and compares the bytes. Then it runs what is
# in them, and installs the program by go install from a proxy of files, as from the module path.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git -c advice.detachedHead=false clone -q . "$work/sources-1"
git -c advice.detachedHead=false clone -q "$work/sources-1" "$work/sources-2"
for i in 1 2; do
  (umask "0$((i * 2))2" && cd "$work/sources-$i" && scripts/dist.sh "$work/dist-$i" >/dev/null)
done
cmp "$work/dist-1/SHA256SUMS" "$work/dist-2/SHA256SUMS" || { diff "$work"/dist-*/SHA256SUMS; exit 1; }
(cd "$work/dist-2" && sha256sum --quiet -c SHA256SUMS)

tar -C "$work" -xzf "$work"/dist-1/bnas-*-linux-amd64.tar.gz
bnas=$(echo "$work"/bnas-*/bnas)
commit=$(git -C "$work/sources-1" rev-parse --short=12 HEAD)
"$bnas" version --json | grep "\"commit\": \"$commit\"" >/dev/null || { echo "dist-test: the program does not name the commit $commit" >&2; exit 1; }
scored=(score all3x3 --channels 4 --cells 1 --height 8 --width 8 --images 8 --ntk-images 2 --terms naswot --device cpu --quiet)
"$bnas" "${scored[@]}" >/dev/null
if compgen -G "$work/dist-1/bnas-*-linux-arm64.tar.gz" >/dev/null && command -v qemu-aarch64 >/dev/null; then
  mkdir "$work/arm64"
  tar -C "$work/arm64" -xzf "$work"/dist-1/bnas-*-linux-arm64.tar.gz
  qemu-aarch64 "$work"/arm64/bnas-*/bnas "${scored[@]}" >/dev/null
else
  echo "LEFT OUT: the program of arm64 needs a cross compiler, and qemu-user to run: apt install gcc-aarch64-linux-gnu qemu-user"
fi
test -s "$(dirname "$bnas")/man/bnas-train.1"
for license in go/LICENSE glibc/copyright fashion-mnist/LICENSE github.com/nats-io/nats-server/; do
  find "$(dirname "$bnas")/licenses" -type f | grep -F "/$license" >/dev/null || { echo "dist-test: no $license in the archive" >&2; exit 1; }
done
if command -v dpkg-deb >/dev/null; then
  dpkg-deb --contents "$work"/dist-1/*_amd64.deb | grep ' ./usr/bin/bnas$' >/dev/null
  dpkg-deb --contents "$work"/dist-1/*_amd64.deb | grep '/usr/share/doc/bnas/licenses/go/LICENSE$' >/dev/null
  dpkg-deb --info "$work"/dist-1/*_amd64.deb | grep 'Package: bnas' >/dev/null
else
  echo "LEFT OUT: the .deb is looked into by dpkg-deb"
fi
grep -q '"bomFormat": "CycloneDX"' "$work"/dist-1/bnas-*.cdx.json
# The zip of a module has none of the modules in its folders.
go=${GO:-go}
module=$("$go" list -m)
at=$work/proxy/$module/@v
mkdir -p "$at"
mapfile -t inner < <(git -C "$work/sources-1" ls-files '*/go.mod' | sed 's|^\(.*\)/go.mod$|:!\1|')
git -C "$work/sources-1" archive --format=zip --prefix="$module@v0.0.1/" -o "$at/v0.0.1.zip" HEAD -- . "${inner[@]}"
cp "$work/sources-1/go.mod" "$at/v0.0.1.mod"
echo '{"Version": "v0.0.1"}' >"$at/v0.0.1.info"
echo v0.0.1 >"$at/list"
cache=$("$go" env GOMODCACHE)
(cd "$work" && GOPROXY="file://$work/proxy,file://$cache/cache/download" GOSUMDB=off GOFLAGS=-modcacherw GOMODCACHE="$work/modules" \
  GOBIN="$work/bin" "$go" install "$module/cmd/bnas@v0.0.1")
"$work/bin/bnas" version | grep -w v0.0.1 >/dev/null

echo "dist-test: two builds have the same bytes: $(wc -l <"$work/dist-1/SHA256SUMS") files"
