#!/bin/sh
# Runs the main job on one machine, from nothing: control plane, pool, launcher, and one run from plan to apply.
# On a bare Debian 12 it needs root, git's checkout and the package registry; re-running is safe.
#   packaging/try.sh          build and run
#   packaging/try.sh --down   remove everything it made (installed packages stay)
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_TRY_DIR:-/var/lib/slipway-try}
port=${SLIPWAY_TRY_PORT:-8443}
image=slipway-try/runner:$port
build=$here/build/try
bin=${SLIPWAY_TRY_BIN:-$build/bin}
marker=$dir/.slipway-try
. "$here/packaging/prerequisites.sh"

usage() {
    sed -n '2,5s/^# \{0,1\}//p' "$0"
    echo "Environment: SLIPWAY_TRY_DIR (now $dir), SLIPWAY_TRY_PORT (now $port), SLIPWAY_TRY_BIN (programs that are built already)"
}

step() {
    printf '\n\033[1m==> [%3ss] %s\033[0m\n' "$(($(date +%s) - began))" "$*"
}
[ -t 1 ] || step() { printf '\n==> [%3ss] %s\n' "$(($(date +%s) - began))" "$*"; }

# own_directory: $dir is ours or may become ours. Root removes it with --down, so nobody's else is taken.
own_directory() {
    case $dir in
    /*) ;;
    *) fail "SLIPWAY_TRY_DIR=$dir: expected an absolute path" ;;
    esac
    [ -e "$marker" ] || [ -z "$(ls -A "$dir" 2>/dev/null)" ] \
        || fail "$dir is not empty and was not made by this script (it has no .slipway-try): name another one in SLIPWAY_TRY_DIR"
}

# is_ours PID NAME: it runs the program NAME on $dir. A number in a file says little: after a reboot it is another's.
is_ours() {
    case $(program_of "$1") in
    */"$2" | */slipway-"$2") grep -qsaF "$dir/" "/proc/$1/cmdline" "/proc/$1/environ" ;;
    *) false ;;
    esac
}

# stop_process NAME SECONDS: ends a program of ours by its pid file and waits for its end.
stop_process() {
    file=$dir/$1.pid
    pid=$(cat "$file" 2>/dev/null || true)
    left=$(($2 * 10))
    if [ -n "$pid" ] && is_ours "$pid" "$1"; then
        kill "$pid" 2>/dev/null || true
        while is_ours "$pid" "$1" && [ "$left" -gt 0 ]; do
            left=$((left - 1))
            sleep 0.1
        done
        ! is_ours "$pid" "$1" || kill -9 "$pid" 2>/dev/null || true
    fi
    rm -f "$file"
}

down() {
    own_directory
    if [ ! -d "$dir" ]; then
        echo "nothing to remove: $dir does not exist"
        return 0
    fi
    stop_process launcher 30
    stop_process mothership 10
    if docker_answers; then
        instance=$(cat "$dir/launcher/instance" 2>/dev/null || true)
        if [ -n "$instance" ]; then
            docker ps -aq --filter "label=io.slipway.instance=$instance" | xargs -r docker rm -f -v >/dev/null
        fi
        docker image rm -f "$image" >/dev/null 2>&1 || true
        # What any launcher of this engine makes when it needs it; without -f, so that one in use stays.
        docker image rm slipway/empty:1 >/dev/null 2>&1 || true
        docker volume ls -q --filter name=slipway-init- | xargs -r docker volume rm >/dev/null 2>&1 || true
    fi
    stop_process dockerd 30
    rm -rf --one-file-system -- "${dir:?}"
    [ -n "${SLIPWAY_TRY_BIN:-}" ] || rm -rf -- "$build"
    echo "removed: the programs and what they were built in, their containers, the image $image, and $dir"
}

# start NAME COMMAND…: in the background, its log in $dir/NAME.log, its pid in $dir/NAME.pid.
start() {
    name=$1
    shift
    : >"$dir/$name.log" # before it starts: what an earlier one said is no sign of this one
    setsid "$@" >"$dir/$name.log" 2>&1 </dev/null &
    echo $! >"$dir/$name.pid"
}

# wait_for NAME TEXT: until the log of a program that was started says TEXT.
wait_for() {
    tries=0
    until grep -qs "$2" "$dir/$1.log"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ] || ! kill -0 "$(cat "$dir/$1.pid")" 2>/dev/null; then
            tail -n 15 "$dir/$1.log" >&2
            fail "$1 did not come up; its log stands above (whole: $dir/$1.log)"
        fi
        sleep 0.1
    done
}

# A newer compiler may warn where ours does not; that is no reason to stop here.
build() {
    if [ -n "${SLIPWAY_TRY_BIN:-}" ]; then
        echo "using the programs in $bin"
        return 0
    fi
    echo "compiling (about two minutes on two cores the first time)"
    build_tree "$dir/build.log" "$build" -S "$here" --preset release -DSLIPWAY_TESTS=OFF -DSLIPWAY_WERROR=OFF
}

make_image() {
    docker image inspect "$image" >/dev/null 2>&1 || "$here/packaging/make-runner-image.sh" "$image"
}

# The key and the request of an earlier try serve again. Where it was interrupted between the control plane's answer and
# the token's file, that pool is of no use to anyone, and its name is taken.
make_pool() {
    [ ! -s "$dir/pool.token" ] || return 0
    openssl req -in "$dir/spacelift.csr" -noout -verify >/dev/null 2>&1 \
        || (cd "$dir" && yes '' | openssl req -new -newkey rsa:4096 -nodes -keyout spacelift.key -out spacelift.csr) >"$dir/openssl.log" 2>&1 \
        || fail "openssl could not make the key and the request: see $dir/openssl.log"
    chmod 600 "$dir/spacelift.key"
    rm -f "$dir/pool.token"
    pool=demo
    number=1
    while slipway pool list 2>/dev/null | grep -q "^$pool "; do
        number=$((number + 1))
        pool=demo-$number
    done
    echo "$pool" >"$dir/pool.name"
    slipway pool create --name "$pool" --csr "$dir/spacelift.csr" --out "$dir/pool.token"
}

slipway() {
    XDG_CONFIG_HOME="$dir/cli" "$bin/slipway" "$@"
}

run_sample() {
    pool=$(cat "$dir/pool.name")
    stack=greeting${pool#demo}
    slipway stack list | grep -q "^$stack " || slipway stack create "$stack" --pool "$pool" --image "$image" \
        --plan 'sh plan.sh' --apply 'sh apply.sh'
    slipway stack push "$stack" "$here/packaging/sample-stack"
    run=$(slipway run start "$stack" --quiet)
    echo "run $run; its log:"
    echo
    slipway run logs -f "$run" || {
        slipway run show "$run" >&2 || true
        fail "the plan did not succeed: nothing is applied; what there is of the run stands above"
    }
    if [ -t 0 ]; then
        printf '\nApply this plan? Enter confirms, Ctrl-C leaves it waiting: '
        read -r _
    else
        printf '\nNo terminal to ask at: confirming.\n'
    fi
    offset=$(slipway run logs "$run" | wc -c)
    slipway run confirm "$run"
    echo
    slipway run logs -f --offset "$offset" "$run" || {
        slipway run show "$run" >&2 || true
        fail "the apply did not succeed; what there is of the run stands above"
    }
    echo
    slipway run show "$run"
}

began=$(date +%s)
case ${1:-} in
'') ;;
--down)
    down
    exit 0
    ;;
-h | --help)
    usage
    exit 0
    ;;
*)
    usage >&2
    fail "unknown argument: $1"
    ;;
esac

[ "$(id -u)" = 0 ] || fail "run this as root: it installs packages and talks to Docker"
own_directory
mkdir -p "$dir"
chmod 700 "$dir"
: >>"$marker"

step "Packages"
# shellcheck disable=SC2086  # lists of names
[ -n "${SLIPWAY_TRY_BIN:-}" ] || install_packages $build_packages
# shellcheck disable=SC2086
install_packages $run_packages
step "Build"
build
step "Docker"
start_docker "$dir" --data-root "$dir/docker"
make_image
echo "$(docker version --format 'Docker Engine {{.Server.Version}}'), runner image $image"

step "Control plane"
stop_process launcher 30
stop_process mothership 10
[ -s "$dir/mothership/config.json" ] || "$bin/slipway-mothership" init --data-dir "$dir/mothership" --endpoint "https://127.0.0.1:$port"
start mothership "$bin/slipway-mothership" serve --data-dir "$dir/mothership"
wait_for mothership 'is ready'
slipway login --endpoint "https://127.0.0.1:$port" --ca "$dir/mothership/ca.pem" --key-file "$dir/mothership/admin.key"

step "Pool: the key stays here, the control plane sees the request alone"
make_pool

step "Launcher: starts from two variables"
SPACELIFT_TOKEN=$(cat "$dir/pool.token")
SPACELIFT_POOL_PRIVATE_KEY=$(base64 <"$dir/spacelift.key")
export SPACELIFT_TOKEN SPACELIFT_POOL_PRIVATE_KEY
SLIPWAY_STATE_DIR=$dir/launcher start launcher "$bin/slipway-launcher"
unset SPACELIFT_TOKEN SPACELIFT_POOL_PRIVATE_KEY
wait_for launcher 'is ready'
grep 'is ready' "$dir/launcher.log"

step "One run: plan, confirmation, apply"
run_sample

step "Done"
cat <<TXT
Look further:
  export XDG_CONFIG_HOME=$dir/cli PATH=$bin:\$PATH
  slipway worker list; slipway run list; slipway run start $stack --follow
  tail -f $dir/launcher.log $dir/mothership.log
Remove everything:
  $0 --down
TXT
