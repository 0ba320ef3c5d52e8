#!/usr/bin/env python3
"""Runs the reader that docs/envelope.md shows, on the envelope that the tests keep.

usage: python_reader.py REPOSITORY

Ends with 77 (skipped) where the package it needs is not installed.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import cryptography  # noqa: F401
except ImportError:
    print("skipped: python3-cryptography is not installed")
    sys.exit(77)

root = pathlib.Path(sys.argv[1])
data = root / "test/unit/crypto/data"
script = re.search(r"^```python\n(.*?)^```", (root / "docs/envelope.md").read_text(), re.M | re.S).group(1)


def run(directory, envelope, run_name):
    return subprocess.run(
        [sys.executable, directory / "open.py", data / "envelope-test-key.pem", envelope,
         "01ARZ3NDEKTSV4RRFFQ69G5FAV", run_name, "plan", "7", "workspace"], capture_output=True, check=False)


with tempfile.TemporaryDirectory() as name:
    directory = pathlib.Path(name)
    (directory / "open.py").write_text(script)
    envelope = data / "envelope.bin"
    good = run(directory, envelope, "example-run")
    assert good.returncode == 0, good.stderr.decode()
    assert good.stdout == (data / "envelope.txt").read_bytes(), "other content"
    assert run(directory, envelope, "other-run").returncode != 0, "another run's envelope was opened"
    changed = bytearray(envelope.read_bytes())
    changed[-1] ^= 1
    (directory / "changed").write_bytes(changed)
    refused = run(directory, directory / "changed", "example-run")
    assert refused.returncode != 0 and refused.stdout == b"", "a changed envelope was opened"
print("the documented reader opens the envelope and refuses what is not it")
