#!/bin/sh
# Fuzzes every parser of outside bytes with libFuzzer, from its corpus in test/fuzz/corpus on, as many at a time as there
# are cores. Installs what is missing (Debian 12, root).
#   test/fuzz.sh                    each target for 60 seconds
#   test/fuzz.sh 3600               each for an hour
#   test/fuzz.sh 600 masker json    these for ten minutes
# Inputs that reach new code are kept beside the build (build/fuzz/found/TARGET) and are where the next run begins; what broke
# something is kept in build/fuzz/broken/TARGET. One that teaches something belongs into the corpus. SLIPWAY_SEED repeats a
# run that began with nothing found.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/packaging/prerequisites.sh"
seconds=${1:-60}
[ $# -eq 0 ] || shift
case $seconds in
'' | *[!0-9]*) fail "\"$seconds\" is not a number of seconds; usage: test/fuzz.sh [SECONDS [TARGET…]]" ;;
esac

# shellcheck disable=SC2086  # lists of names
install_packages $build_packages catch2 python3 clang-16 libclang-rt-16-dev llvm-16
cd "$here"
[ $# -gt 0 ] || set -- $(ls test/fuzz/corpus)
for target in "$@"; do
    [ -d "test/fuzz/corpus/$target" ] || fail "there is no fuzz target \"$target\": see test/fuzz/corpus"
    build_targets="${build_targets:-} fuzz_$target"
done
echo "configuring and building (fuzz)"
log=$(mktemp)
build_tree "$log" build/fuzz --preset fuzz
rm -f "$log"

# One target: $1 is the time, $2 the name.
one='
found=build/fuzz/found/$2
broken=build/fuzz/broken/$2
mkdir -p "$found" "$broken"
if "build/fuzz/bin/fuzz_$2" -max_total_time="$1" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -seed="${SLIPWAY_SEED:-0}" \
    -artifact_prefix="$broken/" "$found" "test/fuzz/corpus/$2" >"build/fuzz/$2.log" 2>&1; then
    runs=$(sed -n "s/^stat::number_of_executed_units: *//p" "build/fuzz/$2.log")
    echo "  $2: $runs inputs, $(ls "$found" | wc -l) that reach more than the corpus"
else
    echo "  $2: BROKEN by an input in $broken; what it said is in build/fuzz/$2.log:"
    grep -E "ERROR|SUMMARY|runtime error|libFuzzer: " "build/fuzz/$2.log" | head -n 5
    exit 1
fi'
echo "fuzzing $# targets for $seconds s each"
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 sh -c "$one" sh "$seconds" || fail "a target was broken: see above"
