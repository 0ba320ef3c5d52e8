#!/bin/sh
# Builds and runs all tests, with the real Docker Engine. Installs what is missing (Debian 12, root), starts dockerd
# if none runs. Arguments go to ctest, so a part can be run:  test/run.sh -L unit   test/run.sh -R envelope
# Labels: unit, model, integration, hostile, fault, fuzz, e2e. SLIPWAY_PRESET: dev (ASan+UBSan, default), tsan, clang.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
preset=${SLIPWAY_PRESET:-dev}
. "$here/packaging/prerequisites.sh"

# shellcheck disable=SC2086  # lists of names
install_packages $build_packages $run_packages $test_packages
[ "$preset" != clang ] || install_packages clang-16 libclang-rt-16-dev
start_docker /var/lib/slipway-test

cd "$here"
echo "configuring and building ($preset)"
log=$(mktemp)
build_tree "$log" "build/$preset" --preset "$preset"
rm -f "$log"

results=$here/build/$preset/results.xml
output=$here/build/$preset/ctest.log
rm -f "$results"
{ ctest --preset "$preset" --output-junit "$results" "$@" || echo "ctest failed"; } | tee "$output"
specification=0
whole=
[ $# -gt 0 ] || whole=--whole
python3 test/specification.py $whole docs/SPECIFICATION.md "$results" || specification=1

# The runner's own summary is the last word.
grep -E '^[0-9]+% tests passed' "$output" || fail "ctest ran nothing"
! grep -q '^ctest failed' "$output" || exit 1
exit "$specification"
