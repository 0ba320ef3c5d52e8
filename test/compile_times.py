#!/usr/bin/env python3
"""Measures what translation units cost to compile, in CPU seconds (user), without ccache.

usage: compile_times.py BUILD-DIRECTORY LIMIT [PART-OF-A-FILE-NAME...]

Compiles each unit of a configured build directory once more, one after the other, and prints the ten dearest. The limits
are 25 s in release and 45 s in dev. Exit status 1 when a unit is above LIMIT. CPU seconds move little when the machine is
busy, but all units take as long as a whole build: this is a tool for whoever adds a heavy header, and no test.
"""
import json
import os
import pathlib
import resource
import shlex
import subprocess
import sys


def cpu_seconds(entry):
    command = shlex.split(entry["command"])
    command[command.index("-o") + 1] = "/dev/null"
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(command, cwd=entry["directory"], env={**os.environ, "CCACHE_DISABLE": "1"}, check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main():
    build, limit, *parts = sys.argv[1:]
    entries = json.loads((pathlib.Path(build) / "compile_commands.json").read_text())
    wanted = [entry for entry in entries if not parts or any(part in entry["file"] for part in parts)]
    times = sorted(((cpu_seconds(entry), entry["file"]) for entry in wanted), reverse=True)
    for seconds, file in times[:10]:
        print(f"{seconds:6.1f} s  {file}")
    return 1 if times and times[0][0] > float(limit) else 0


if __name__ == "__main__":
    sys.exit(main())
