#!/bin/sh
# build_opa.sh: builds the policy engine OPA, once, and prints its path. Debian has no package of it. The version is one
# that Debian's own Go builds. It stays outside of the build tree, so that a new tree does not build it again.
set -eu
version=0.45.0
cache=${SLIPWAY_TEST_CACHE:-/var/cache/slipway-test}
program=$cache/opa-$version
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ ! -x "$program" ]; then
    work=$(mktemp -d)
    trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
    go=$(command -v /usr/bin/go || command -v go) || {
        echo "there is no Go: install golang-go" >&2
        exit 1
    }
    cd "$work"
    export GOPATH="$work/path" GOCACHE="$work/cache" GOFLAGS=-buildvcs=false GOTOOLCHAIN=local CGO_ENABLED=0
    {
        "$go" mod init opa.local # a module of its own: `go install` refuses one that has replacements
        "$go" get "github.com/open-policy-agent/opa@v$version"
        "$go" build -trimpath -ldflags='-s -w' -o "$work/opa" github.com/open-policy-agent/opa
    } >&2
    mv "$work/opa" "$program"
fi
echo "$program"
