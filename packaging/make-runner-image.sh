#!/bin/sh
# Makes a 2 MB runner image from this machine's busybox, for tries and tests where no registry can be reached.
#   packaging/make-runner-image.sh NAME [LABEL]
set -eu
name=$1
label=${2:-io.slipway.try=1}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin" "$root/tmp" "$root/etc" "$root/root"
cp /bin/busybox "$root/bin/busybox"
for applet in $(/bin/busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
chmod 1777 "$root/tmp"
printf 'root:x:0:0:root:/root:/bin/sh\nspacelift:x:1983:1983::/home/spacelift:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nspacelift:x:1983:\n' >"$root/etc/group"
mkdir -p "$root/home/spacelift"
chown 1983:1983 "$root/home/spacelift"
tar -C "$root" --numeric-owner -c . | docker import --change 'ENV PATH=/bin' --change "LABEL $label" - "$name" >/dev/null
