#!/bin/sh
# Lints with clang-tidy-16, by the rules in .clang-tidy: what the programs are made of, or the files that are named.
#   test/lint.sh            all of common, crypto, docker-client, launcher, mothership (13 CPU minutes; .ci/run does it)
#   test/lint.sh FILE...    these
# Needs a build tree that was configured: SLIPWAY_PRESET (dev). Tests are not linted: they would double the time.
set -eu

cd "$(dirname "$0")/.."
build=build/${SLIPWAY_PRESET:-dev}
[ -s "$build/compile_commands.json" ] || {
    echo "error: $build holds no compile_commands.json: configure it first (cmake --preset ${SLIPWAY_PRESET:-dev})" >&2
    exit 1
}
[ $# -gt 0 ] || set -- $(find common crypto docker-client launcher mothership -name '*.cpp')

# GCC's own warnings are no errors of ours, and clang must be told about Boost 1.74's coroutines.
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 clang-tidy-16 -quiet -p "$build" \
    --extra-arg=-Wno-unknown-warning-option --extra-arg=-DBOOST_ASIO_HAS_CO_AWAIT=1 2>/dev/null || {
    echo "error: clang-tidy-16 found what stands above" >&2
    exit 1
}
