#!/bin/sh
# Lints with clang-tidy-16, by the rules in .clang-tidy: what the programs are made of, or the files that are named.
#   test/lint.sh            all of common, crypto, docker-client, launcher, mothership (.ci/run does it)
#   test/lint.sh FILE...    these
# Needs a build tree that was configured: SLIPWAY_PRESET (dev). Tests are not linted: they would double the time.
# All of them are looked at in batches, since the headers of a file take longer than the file (lint_batches.py); what is in a
# batch that has a finding is looked at again, file by file, and only that counts.
set -eu

cd "$(dirname "$0")/.."
build=build/${SLIPWAY_PRESET:-dev}
[ -s "$build/compile_commands.json" ] || {
    echo "error: $build holds no compile_commands.json: configure it first (cmake --preset ${SLIPWAY_PRESET:-dev})" >&2
    exit 1
}

# clang cannot read what GCC has precompiled.
mkdir -p "$build/lint-commands"
sed 's| -Winvalid-pch -include [^ ]*cmake_pch.hxx||' "$build/compile_commands.json" >"$build/lint-commands/compile_commands.json"
build=$build/lint-commands

# GCC's own warnings are no errors of ours, and clang must be told about Boost 1.74's coroutines.
tidy='clang-tidy-16 -quiet --extra-arg=-Wno-unknown-warning-option --extra-arg=-DBOOST_ASIO_HAS_CO_AWAIT=1'
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046  # names of files of ours
    python3 test/lint_batches.py "$build" "$build/lint" $(find common crypto docker-client launcher mothership -name '*.cpp' | sort)
    # shellcheck disable=SC2046  # likewise
    set -- $(ls "$build"/lint/*.cpp | sort -V | xargs -P "$(nproc)" -n 1 sh -c \
        "$tidy -p $build/lint \"\$1\" >/dev/null 2>&1 || cat \"\${1%.cpp}.files\"" sh)
    [ $# -gt 0 ] || exit 0
fi
# shellcheck disable=SC2086  # a command and its arguments
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 $tidy -p "$build" 2>/dev/null || {
    echo "error: clang-tidy-16 found what stands above" >&2
    exit 1
}
