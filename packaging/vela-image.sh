#!/bin/sh
# Makes a container image of slipway-launcher for use as a Vela worker: the program, the libraries that it needs from this
# machine, and the certificates that it trusts.
#   packaging/vela-image.sh NAME[:TAG] [PROGRAM]     PROGRAM: build/release/bin/slipway-launcher
# Needs no network. `docker run` then takes the lines of Vela's installation page with this name in place of
# target/vela-worker:latest; see docs/vela.md.
set -eu

[ $# -gt 0 ] || {
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
image=$1
program=${2:-$(dirname "$0")/../build/release/bin/slipway-launcher}
[ -x "$program" ] || {
    echo "error: there is no program $program: build it (cmake --preset release && cmake --build --preset release --target slipway-launcher)" >&2
    exit 1
}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT INT TERM

mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/tmp" "$root/var/lib/slipway"
chmod 1777 "$root/tmp"
chmod 0700 "$root/var/lib/slipway"
cp "$program" "$root/usr/bin/slipway-launcher"
# Each library at the path where the loader looks for it, the loader itself among them.
ldd "$program" | awk '$3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
printf 'root:x:0:0:root:/:/usr/bin/slipway-launcher\n' >"$root/etc/passwd"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"

# The state directory is a volume, so that the engine's host has it, too: containers of builds mount parts of it.
tar -C "$root" --owner=0 --group=0 -c . | docker import \
    --change 'ENTRYPOINT ["/usr/bin/slipway-launcher"]' --change 'VOLUME /var/lib/slipway' --change 'EXPOSE 80 443' \
    --change 'ENV PATH=/usr/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' - "$image" >/dev/null
echo "$image"
