#!/bin/sh
# ansible_image.sh: makes the runner image with Ansible from Debian, once, and prints its name. It is kept in the Docker
# Engine, under the hash of this file: a change here makes a new one.
set -eu
repository=slipway-test/ansible
image=$repository:$(sha256sum "$0" | cut -c 1-12)
exec 9>"${TMPDIR:-/tmp}/slipway-ansible-image.lock"
flock 9
if ! docker image inspect "$image" >/dev/null 2>&1; then
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    # Only this script makes these, and nobody else needs their files after a crash.
    mmdebstrap --variant=minbase --include=ansible-core --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' bookworm - 2>"$log" \
        | docker import --change 'ENV LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
            - "$repository:half" >/dev/null
    # A pipe tells its last command's end alone.
    docker run --rm --network none "$repository:half" ansible-playbook --version >/dev/null || {
        tail -n 20 "$log" >&2
        exit 1
    }
    docker image ls -q "$repository" | xargs -r docker image inspect -f '{{join .RepoTags " "}}' | tr ' ' '\n' \
        | grep -vx "$repository:half" | xargs -r docker image rm >/dev/null || true
    docker tag "$repository:half" "$image"
    docker image rm "$repository:half" >/dev/null
fi
echo "$image"
