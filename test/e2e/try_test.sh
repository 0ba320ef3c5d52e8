#!/bin/sh
# The README's first command to its end and back, in a directory and on a port of its own, with programs that are built.
#   test/e2e/try_test.sh DIRECTORY-OF-PROGRAMS
set -eu

try=$(cd "$(dirname "$0")/../.." && pwd)/packaging/try.sh
work=$(mktemp -d)
export SLIPWAY_TRY_BIN="$1" SLIPWAY_TRY_DIR="$work/try" SLIPWAY_TRY_PORT=$((20000 + $$ % 8000))
# The REST client's library leaves threads behind at exit, which the leak checker of a dev build may see as leaks.
export LSAN_OPTIONS=detect_leaks=0
sleep 600 &
stranger=$!
trap '"$try" --down >/dev/null 2>&1; kill "$stranger" 2>/dev/null; rm -rf "$work"' EXIT

check() {
    "$@" || {
        echo "failed: $*" >&2
        tail -n 40 "$work"/output* >&2
        exit 1
    }
}
refuses() { ! "$@" >"$work/output-refusal" 2>&1; }

# A directory of somebody else's is neither used nor removed.
mkdir "$work/foreign"
echo precious >"$work/foreign/file"
check refuses env SLIPWAY_TRY_DIR="$work/foreign" "$try"
check refuses env SLIPWAY_TRY_DIR="$work/foreign" "$try" --down
check grep -q precious "$work/foreign/file"

# A number in a pid file that belongs to another program by now.
mkdir "$SLIPWAY_TRY_DIR"
: >"$SLIPWAY_TRY_DIR/.slipway-try"
echo "$stranger" >"$SLIPWAY_TRY_DIR/launcher.pid"

check sh -c '"$0" >"$1" 2>&1 </dev/null' "$try" "$work/output"
check kill -0 "$stranger"
for text in 'queued' 'picked up' 'first byte' 'planned' 'applied' 'Plan: 1 to add' 'Apply complete!'; do
    check grep -q "$text" "$work/output"
done

# Again, after an interruption between the control plane's answer and the token's file.
rm "$SLIPWAY_TRY_DIR/pool.token"
check sh -c '"$0" >"$1" 2>&1 </dev/null' "$try" "$work/output-again"
check grep -q 'Apply complete!' "$work/output-again"

programs=$(cat "$SLIPWAY_TRY_DIR/launcher.pid" "$SLIPWAY_TRY_DIR/mothership.pid")
instance=$(cat "$SLIPWAY_TRY_DIR/launcher/instance")
check sh -c '"$0" --down >"$1" 2>&1' "$try" "$work/output-down"
check test ! -e "$SLIPWAY_TRY_DIR"
for program in $programs; do
    check test -z "$(readlink "/proc/$program/exe")" # gone, or a zombie that nobody has reaped yet
done
check test -z "$(docker ps -aq --filter "label=io.slipway.instance=$instance")"
check test -z "$(docker image ls -q "slipway-try/runner:$SLIPWAY_TRY_PORT")"
check kill -0 "$stranger"
