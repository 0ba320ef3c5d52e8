#!/bin/sh
# packaging/systemd/*.service under a real systemd, which is PID 1 of a container with a Docker Engine of its own: start,
# a run, restart in mid-run, reload, crash, hang, stop, and a configuration that is wrong.
#   test/e2e/systemd_test.sh DIRECTORY-OF-PROGRAMS
# The container's image is made once, from Debian, and kept: docker image rm slipway-test/systemd:1
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
bin=$1
image=slipway-test/systemd:1
box=slipway-systemd-test-$$
work=$(mktemp -d)
trap 'docker rm -f -v "$box" >/dev/null 2>&1; rm -rf "$work"' EXIT

fail() {
    echo "failed: $*" >&2
    docker exec "$box" systemctl status --no-pager -l slipway-launcher >&2 || true
    docker exec "$box" journalctl --no-pager -n 40 -u slipway-launcher >&2 || true
    exit 1
}
in_box() { docker exec "$box" "$@"; }
# until_true WHAT COMMAND…: looks again for a minute.
until_true() {
    what=$1
    shift
    deadline=$(($(date +%s) + 60))
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$deadline" ] || fail "waited in vain: $what"
        sleep 0.1
    done
}
property() { in_box systemctl show -p "$1" --value slipway-launcher; }
is() { [ "$(property "$1")" = "$2" ]; }
slipway() { docker exec -e ASAN_OPTIONS=detect_leaks=0 -e XDG_CONFIG_HOME=/root/cli "$box" slipway "$@"; }
launcher() { docker exec -e ASAN_OPTIONS=detect_leaks=0 "$box" slipway-launcher "$@"; }
step() { echo "== $*"; }

# More rights than any container of a job has, since systemd and dockerd run in it; SYS_RESOURCE is not there on every
# machine, so --privileged is not asked for.
start_box() {
    docker run -d --name "$box" --stop-signal SIGRTMIN+3 --cap-add ALL --cap-drop SYS_RESOURCE \
        --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined \
        --device-cgroup-rule='a *:* rwm' --tmpfs /run --tmpfs /tmp --cgroupns=private \
        --tmpfs /sys/fs/cgroup:exec,mode=755 -v /var/lib/docker "$image" >/dev/null
    until_true "systemd comes up" sh -c "docker exec $box systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'"
    until_true "its Docker Engine answers" in_box docker info
}

make_image() {
    docker image inspect "$image" >/dev/null 2>&1 && return 0
    step "making $image from Debian, once"
    mmdebstrap --variant=minbase --include=ca-certificates,systemd,systemd-sysv,dbus,iproute2,iptables,procps,docker.io,openssl \
        bookworm "$work/root.tar" >"$work/mmdebstrap.log" 2>&1 || { tail -n 20 "$work/mmdebstrap.log" >&2; fail "mmdebstrap"; }
    docker import --change 'ENV container=docker' \
        --change 'CMD ["/bin/sh","-c","mount --make-rshared / && exec /sbin/init"]' "$work/root.tar" "$image" >/dev/null
}

# The programs, and what they are linked with and a minimal Debian lacks.
install_programs() {
    for program in slipway slipway-launcher slipway-mothership; do
        docker cp -q "$bin/$program" "$box:/usr/bin/$program" 2>/dev/null || docker cp "$bin/$program" "$box:/usr/bin/$program"
    done
    ldd "$bin"/slipway "$bin"/slipway-launcher "$bin"/slipway-mothership | awk '$2 == "=>" && $3 ~ /^\// { print substr($3, 2) }' \
        | sort -u >"$work/libraries"
    tar -C / -h -c -T "$work/libraries" | docker exec -i "$box" tar -C / -x --skip-old-files
    docker cp "$here/packaging/systemd/." "$box:/etc/systemd/system/"
    in_box mkdir -p /etc/slipway /etc/credstore
    # The leak checker of a dev build traces its own process, which the unit forbids.
    in_box sh -c 'echo ASAN_OPTIONS=detect_leaks=0 >/etc/slipway/launcher.env'
    "$here/packaging/make-runner-image.sh" "$box:runner" io.slipway.test=systemd
    docker save "$box:runner" | docker exec -i "$box" docker load >/dev/null
    docker image rm "$box:runner" >/dev/null
}

make_pool() {
    in_box sh -c 'ASAN_OPTIONS=detect_leaks=0 slipway-mothership init --data-dir /var/lib/plane --endpoint https://127.0.0.1:8443' >/dev/null
    in_box systemd-run -q --unit=plane -E ASAN_OPTIONS=detect_leaks=0 /usr/bin/slipway-mothership serve --data-dir /var/lib/plane
    until_true "the control plane answers" slipway login --endpoint https://127.0.0.1:8443 --ca /var/lib/plane/ca.pem \
        --key-file /var/lib/plane/admin.key
    in_box sh -c 'cd /etc/credstore && openssl req -new -newkey rsa:2048 -nodes -subj / -keyout slipway-pool-key -out /root/pool.csr' 2>/dev/null
    slipway pool create --name demo --csr /root/pool.csr --out /etc/credstore/slipway-token >/dev/null
    in_box sh -c 'chmod 600 /etc/credstore/*'
}

log_size() { slipway run logs "$run" | wc -c; }
log_is_over() { [ "$(log_size)" -gt "$1" ]; }
log_grows() { until_true "the log grows $1" log_is_over "$(log_size)"; }
process_is_not() { [ "$(property MainPID)" != "$1" ] && [ "$(property MainPID)" != 0 ] && is ActiveState active; }

make_image
start_box
step "installed in $box"
install_programs
make_pool

step "the units are clean, and equal but for their names"
in_box systemd-analyze verify --man=no /etc/systemd/system/slipway-launcher.service /etc/systemd/system/slipway-launcher@.service >"$work/verify" 2>&1 \
    || fail "systemd-analyze verify: $(cat "$work/verify")"
[ ! -s "$work/verify" ] || fail "systemd-analyze verify says: $(cat "$work/verify")"
plain() { grep -v '^#' "$1" | sed 's/-%i//g; s/ %i//g'; }
[ "$(plain "$here/packaging/systemd/slipway-launcher.service")" = "$(plain "$here/packaging/systemd/slipway-launcher@.service")" ] \
    || fail "the two units differ"

step "start: it is active when it is registered and polls"
in_box timeout 60 systemctl enable -q --now slipway-launcher || fail "systemctl start"
is ActiveState active || fail "not active"
launcher status | grep -q 'ready for work' || fail "$(launcher status)"
launcher why >/dev/null || fail "$(launcher why)"
until_true "the status line says what it does" is StatusText "0 of 1 places taken"

step "a run that writes without a pause"
slipway stack create busy --pool demo --image "$box:runner" --apply true \
    --plan 'i=0; while [ ! -e /tmp/gate ]; do echo "line $i"; i=$((i + 1)); done; echo "total $i"' >/dev/null
mkdir "$work/source"
echo nothing >"$work/source/file"
docker cp "$work/source" "$box:/root/source"
slipway stack push busy /root/source >/dev/null
run=$(slipway run start busy --quiet)
until_true "the run writes" log_is_over 3000

step "restart hands over"
pid=$(property MainPID)
in_box timeout 60 systemctl restart slipway-launcher || fail "systemctl restart"
[ "$(property MainPID)" != "$pid" ] || fail "the process is the same"
log_grows "after the restart"

step "reload reads token and key again"
pid=$(property MainPID)
in_box timeout 20 systemctl reload slipway-launcher || fail "systemctl reload"
is MainPID "$pid" || fail "reload changed the process"
in_box journalctl -u slipway-launcher | grep -q 'token and keys were read again' || fail "no word of the reload"

step "a launcher that is killed is started again and takes over"
in_box kill -9 "$pid"
until_true "another process is active" process_is_not "$pid"
log_grows "after the crash"

step "a launcher that hangs is ended by the watchdog, and the next one takes over"
in_box sh -c 'mkdir -p /etc/systemd/system/slipway-launcher.service.d; cd /etc/systemd/system/slipway-launcher.service.d
    printf "[Service]\nWatchdogSec=2s\nTimeoutAbortSec=1s\nRestartSec=100ms\n" >fast.conf; systemctl daemon-reload; systemctl restart slipway-launcher'
pid=$(property MainPID)
in_box kill -STOP "$pid"
until_true "another process is active" process_is_not "$pid"
log_grows "after the hang"

step "stop drains"
in_box systemctl stop --no-block slipway-launcher
until_true "the worker is drained" sh -c "docker exec -e ASAN_OPTIONS=detect_leaks=0 -e XDG_CONFIG_HOME=/root/cli $box slipway worker list | grep -q DRAINED"
is ActiveState deactivating || fail "it is $(property ActiveState), not deactivating"
log_grows "under the drain"
in_box sh -c 'docker exec $(docker ps -q) touch /tmp/gate'
until_true "it has ended" is ActiveState inactive
is Result success || fail "the result is $(property Result)"
[ -z "$(in_box docker ps -aq)" ] || fail "a container is left"
slipway run show "$run" | grep -q UNCONFIRMED || fail "$(slipway run show "$run")"

step "and no byte of the log is lost or repeated"
slipway run logs "$run" >"$work/log"
total=$(sed -n 's/^total //p' "$work/log")
grep '^line ' "$work/log" >"$work/lines"
awk -v total="$total" 'BEGIN { for (i = 0; i < total; ++i) print "line " i }' | cmp - "$work/lines" || fail "the log is not exact"
echo "   $total lines"

step "a key of another pool is refused once, with its exit code"
in_box openssl genrsa -out /etc/credstore/slipway-pool-key 2048 2>/dev/null
! in_box timeout 60 systemctl start slipway-launcher 2>/dev/null || fail "it started"
is ExecMainStatus 26 || fail "the exit code is $(property ExecMainStatus)"
is ActiveState failed || fail "it is $(property ActiveState)"
is NRestarts 0 || fail "it was started again"
