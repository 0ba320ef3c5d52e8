# shellcheck shell=sh
# Sourced by packaging/try.sh and test/run.sh: installs what is missing from Debian and starts Docker if none runs.
# Needs no network beyond the package registry.

build_packages="git g++ cmake ninja-build pkgconf libcurl4-openssl-dev libssl-dev libcpprest-dev rapidjson-dev
  libcli11-dev libboost-dev libsqlite3-dev libarchive-dev
  libzstd-dev libre2-dev libhiredis-dev"
run_packages="docker.io iptables busybox-static openssl ca-certificates procps"
# docker-registry: the registry that pulls are tested with. golang-go: builds OPA, of which Debian has no package.
# crun, runsc, podman: what else runs jobs. libfaketime: steps the wall clock of one process. redis-server: the queue
# of a Vela server; with --sentinel, its Sentinel.
test_packages="catch2 lld mmdebstrap python3 python3-cryptography clang-format-16 clang-tidy-16 docker-registry golang-go
  crun runsc podman iproute2 libfaketime redis-server xxd"
# Where the kernel uses AppArmor, Docker starts no container without its parser.
[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || run_packages="$run_packages apparmor"

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# show_progress LOOK LOG: prints what LOOK says of LOG as often as it changes, while this script lives: one line that is
# written over on a terminal, else a plain line now and then.
show_progress() {
    shown=
    pause=10
    [ ! -t 1 ] || pause=1
    while kill -0 $$ 2>/dev/null; do
        sleep $pause >/dev/null 2>&1 # holds none of our descriptors when it outlives us
        now=$("$1" "$2")
        [ "$now" != "$shown" ] || continue
        shown=$now
        if [ -t 1 ]; then printf '\r\033[K  %s' "$now"; else printf '  %s\n' "$now"; fi
    done
}

# watched LOOK LOG COMMAND…: runs COMMAND, its output in LOG, and shows how far it is.
watched() {
    look=$1
    log=$2
    shift 2
    : >"$log"
    show_progress "$look" "$log" &
    watcher=$!
    status=0
    "$@" >"$log" 2>&1 || status=$?
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    [ ! -t 1 ] || printf '\r\033[K'
    return "$status"
}

apt_progress() {
    awk '/ newly installed/ { total = $3; fetched = 0 }  /^Get:/ { ++fetched }  /^Unpacking / { ++unpacked }  /^Setting up / { ++ready }
        END { if (!total) print "reading the package lists"
              else printf "of %d packages: fetched %d, unpacked %d, set up %d\n", total, fetched, unpacked, ready }' "$1"
}

apt_install() {
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
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
    apt_log=$(mktemp)
    # shellcheck disable=SC2086  # a list of names
    if ! watched apt_progress "$apt_log" apt_install $missing; then
        tail -n 20 "$apt_log" >&2
        fail "apt-get could not install the packages; its whole output is in $apt_log"
    fi
    rm -f "$apt_log"
}

build_progress() {
    percent=$(grep -o '^\[ *[0-9]*%\]' "$1" | tail -n 1 | tr -d '[] ')
    echo "${percent:-configuring}${percent:+ compiled}"
}

configure_and_build() {
    build_directory=$1
    shift
    # shellcheck disable=SC2086  # a list of names
    cmake -B "$build_directory" "$@" && NINJA_STATUS='[%p] ' cmake --build "$build_directory" ${build_targets:+--target $build_targets}
}

# build_tree LOG DIRECTORY CMAKE-ARGUMENT…: configures and builds into DIRECTORY: $build_targets, or everything.
build_tree() {
    build_log=$1
    shift
    watched build_progress "$build_log" configure_and_build "$@" || {
        grep -E 'error|Error|FAILED' "$build_log" | head -n 30 >&2
        fail "the build failed; whole output: $build_log"
    }
}

# A daemon that hangs must not hang this script.
docker_answers() {
    timeout 10 docker info >/dev/null 2>&1
}

# program_of PID: the file that a process runs; nothing when there is no such process.
program_of() {
    program=$(readlink "/proc/$1/exe" 2>/dev/null) || return 0
    echo "${program% (deleted)}" # it was built anew since
}

# running_dockerd: the number of the dockerd of this machine (not of a container on it), if one runs.
running_dockerd() {
    for pid in $(cat /var/run/docker.pid 2>/dev/null) $(pgrep -x dockerd --ns $$ --nslist mnt,pid); do
        case $(program_of "$pid") in
        */dockerd)
            echo "$pid"
            return 0
            ;;
        esac
    done
}

start_dockerd() {
    [ "$(id -u)" = 0 ] || fail "no Docker Engine answers at /var/run/docker.sock, and only root can start one"
    grep -Eq '^[^ ]+ /sys/fs/cgroup cgroup2 |^[^ ]+ [^ ]+ cgroup [^ ]*\<devices\>' /proc/self/mounts \
        || fail "no cgroups are mounted, and dockerd starts no container without: mount -t cgroup2 cgroup2 /sys/fs/cgroup (in a container: run it with -v /sys/fs/cgroup:/sys/fs/cgroup)"
    state=$1
    shift
    mkdir -p "$state"
    echo "starting dockerd (log: $state/dockerd.log)"
    rm -f "$state/dockerd.pid" # none runs: the number may belong to anyone by now
    setsid dockerd --pidfile "$state/dockerd.pid" "$@" >"$state/dockerd.log" 2>&1 </dev/null &
    tries=0
    until docker_answers; do
        tries=$((tries + 1))
        [ "$tries" -le 150 ] || {
            tail -n 15 "$state/dockerd.log" >&2
            fail "dockerd did not answer within 30 s; the end of its log stands above"
        }
        sleep 0.2
    done
}

# start_docker DIR [DOCKERD-OPTION…]: leaves a running engine alone; else starts dockerd, with its log and pid file in DIR.
start_docker() {
    # One that was installed a moment ago, or started by another, may not be ready yet.
    deadline=$(($(date +%s) + 30))
    dockerd=answers
    until docker_answers; do
        [ -z "${DOCKER_HOST:-}" ] || fail "no Docker Engine answers at DOCKER_HOST=$DOCKER_HOST: start it, or unset the variable"
        dockerd=$(running_dockerd)
        [ -n "$dockerd" ] || break
        [ "$(date +%s)" -lt "$deadline" ] || fail "dockerd (process $dockerd) runs but does not answer: see its log (journalctl -u docker), then restart it"
        sleep 1
    done
    [ -n "$dockerd" ] || start_dockerd "$@"
}
