# shellcheck shell=sh
# Sourced by packaging/try.sh and test/run.sh: installs what is missing from Debian and starts Docker if none runs.
# Needs no network beyond the package registry.

build_packages="git g++ cmake ninja-build pkgconf libcurl4-openssl-dev libssl-dev libcpprest-dev rapidjson-dev
  libcli11-dev libboost-dev libsqlite3-dev libarchive-dev"
run_packages="docker.io iptables busybox-static openssl ca-certificates procps"
test_packages="catch2 python3"

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# install_packages NAME…: those that are not installed yet, with one apt-get call.
install_packages() {
    missing=
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] || fail "these packages are missing and only root can install them:$missing"
    command -v apt-get >/dev/null || fail "apt-get was not found: this script knows Debian 12; install by hand:$missing"
    echo "installing from Debian:$missing"
    log=$(mktemp)
    # shellcheck disable=SC2086  # a list of names
    if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        fail "apt-get could not install the packages; its whole output is in $log"
    fi
    rm -f "$log"
}

# start_docker DIR: leaves a running engine alone; else starts dockerd, with its log and pid file in DIR.
start_docker() {
    docker info >/dev/null 2>&1 && return 0
    [ "$(id -u)" = 0 ] || fail "no Docker Engine answers at ${DOCKER_HOST:-/var/run/docker.sock}, and only root can start one"
    mkdir -p "$1"
    echo "starting dockerd (log: $1/dockerd.log)"
    rm -f /var/run/docker.pid
    setsid dockerd --pidfile "$1/dockerd.pid" >"$1/dockerd.log" 2>&1 </dev/null &
    tries=0
    until docker info >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ "$tries" -le 150 ] || {
            tail -n 15 "$1/dockerd.log" >&2
            fail "dockerd did not answer within 30 s; the end of its log stands above"
        }
        sleep 0.2
    done
}
