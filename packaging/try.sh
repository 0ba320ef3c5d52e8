#!/bin/sh
# Runs the main job on one machine, from nothing: control plane, pool, launcher, and one run from plan to apply.
# On a bare Debian 12 it needs root, git's checkout and the package registry; re-running is safe.
#   packaging/try.sh          build and run
#   packaging/try.sh --down   remove everything it made (installed packages stay)
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
dir=${SLIPWAY_TRY_DIR:-/var/lib/slipway-try}
port=${SLIPWAY_TRY_PORT:-8443}
image=slipway-try/runner:latest
bin=$here/build/release/bin
. "$here/packaging/prerequisites.sh"

usage() {
    sed -n '2,5s/^# \{0,1\}//p' "$0"
    echo "Environment: SLIPWAY_TRY_DIR (now $dir), SLIPWAY_TRY_PORT (now $port)"
}

step() {
    printf '\n\033[1m==> [%3ss] %s\033[0m\n' "$(($(date +%s) - began))" "$*"
}
[ -t 1 ] || step() { printf '\n==> [%3ss] %s\n' "$(($(date +%s) - began))" "$*"; }

# stop_process NAME SECONDS: ends a program of ours by its pid file and waits for its end.
stop_process() {
    file=$dir/$1.pid
    [ -s "$file" ] || return 0
    pid=$(cat "$file")
    if kill "$pid" 2>/dev/null; then
        left=$(($2 * 10))
        while kill -0 "$pid" 2>/dev/null && [ "$left" -gt 0 ]; do
            left=$((left - 1))
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
    fi
    rm -f "$file"
}

down() {
    if [ ! -d "$dir" ]; then
        echo "nothing to remove: $dir does not exist"
        return 0
    fi
    stop_process launcher 30
    stop_process mothership 10
    if docker info >/dev/null 2>&1; then
        instance=$(cat "$dir/launcher/instance" 2>/dev/null || true)
        if [ -n "$instance" ]; then
            docker ps -aq --filter "label=io.slipway.instance=$instance" | xargs -r docker rm -f -v >/dev/null
        fi
        docker image rm -f "$image" >/dev/null 2>&1 || true
    fi
    [ ! -s "$dir/dockerd.pid" ] || stop_process dockerd 30
    rm -rf "$dir"
    echo "removed: the two programs, their containers, the image $image, and $dir"
}

# start NAME COMMAND…: in the background, its log in $dir/NAME.log, its pid in $dir/NAME.pid.
start() {
    name=$1
    shift
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

build() {
    echo "configuring"
    cmake --preset release -S "$here" -DSLIPWAY_TESTS=OFF >"$dir/build.log" 2>&1 || {
        tail -n 20 "$dir/build.log" >&2
        fail "CMake could not configure; whole output: $dir/build.log"
    }
    echo "compiling (about two minutes on two cores the first time)"
    cmake --build "$here/build/release" >>"$dir/build.log" 2>&1 || {
        grep -E 'error|FAILED' "$dir/build.log" | head -n 20 >&2
        fail "the build failed; whole output: $dir/build.log"
    }
}

make_image() {
    docker image inspect "$image" >/dev/null 2>&1 || "$here/packaging/make-runner-image.sh" "$image"
}

make_pool() {
    [ ! -s "$dir/pool.token" ] || return 0
    (cd "$dir" && yes '' | openssl req -new -newkey rsa:4096 -nodes -keyout spacelift.key -out spacelift.csr) >"$dir/openssl.log" 2>&1 \
        || fail "openssl could not make the key and the request: see $dir/openssl.log"
    chmod 600 "$dir/spacelift.key"
    slipway pool create --name demo --csr "$dir/spacelift.csr" --out "$dir/pool.token"
}

slipway() {
    XDG_CONFIG_HOME="$dir/cli" "$bin/slipway" "$@"
}

run_sample() {
    slipway stack list | grep -q '^greeting ' || slipway stack create greeting --pool demo --image "$image" \
        --plan 'sh plan.sh' --apply 'sh apply.sh'
    slipway stack push greeting "$here/packaging/sample-stack"
    run=$(slipway run start greeting --quiet)
    echo "run $run; its log:"
    echo
    slipway run logs -f "$run"
    if [ -t 0 ]; then
        printf '\nApply this plan? Enter confirms, Ctrl-C leaves it waiting: '
        read -r _
    else
        printf '\nNo terminal to ask at: confirming.\n'
    fi
    offset=$(slipway run logs "$run" | wc -c)
    slipway run confirm "$run"
    echo
    slipway run logs -f --offset "$offset" "$run"
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
mkdir -p "$dir"
chmod 700 "$dir"

step "Packages"
# shellcheck disable=SC2086  # lists of names
install_packages $build_packages $run_packages
step "Build"
build
step "Docker"
start_docker "$dir"
make_image
echo "$(docker version --format 'Docker Engine {{.Server.Version}}'), runner image $image"

step "Control plane"
stop_process launcher 30
stop_process mothership 10
[ -d "$dir/mothership" ] || "$bin/slipway-mothership" init --data-dir "$dir/mothership" --endpoint "https://127.0.0.1:$port"
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
  slipway worker list; slipway run list; slipway run start greeting --follow
  tail -f $dir/launcher.log $dir/mothership.log
Remove everything:
  packaging/try.sh --down
TXT
