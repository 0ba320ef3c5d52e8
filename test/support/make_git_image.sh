#!/bin/sh
# Makes a runner image that has git, of this machine's: test/support/make_git_image.sh NAME FROM
set -eu
name=$1
from=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
core=$(git --exec-path)
mkdir -p "$root/files/usr/bin" "$root/files$core" "$root/files/usr/share/git-core/templates"
cp "$(command -v git)" "$root/files/usr/bin/git"
cp "$core/git-remote-http" "$root/files$core/"
ln -s git-remote-http "$root/files$core/git-remote-https"
for part in git git-upload-pack; do
    ln -s /usr/bin/git "$root/files$core/$part"
done
ldd "$(command -v git)" "$core/git-remote-http" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/[^ ]*ld-[^ ]*\).*/\1/p' |
    sort -u | while read -r library; do
    mkdir -p "$root/files$(dirname "$library")"
    cp -L "$library" "$root/files$library"
done
printf 'FROM %s\nCOPY files /\nENV PATH=/bin:/usr/bin\n' "$from" >"$root/Dockerfile"
docker build -q -t "$name" "$root" >/dev/null
