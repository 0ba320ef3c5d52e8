#!/usr/bin/env python3
"""Prints each promise of docs/SPECIFICATION.md with the state of its test.

usage: specification.py SPECIFICATION.md results.xml

A row is `| number | promise | test |`, where test is the beginning of a CTest name in backquotes (several: comma).
A promise holds when its tests ran and passed, is `not run` when a selection left them out, and is BROKEN otherwise.
Exit status 1 when a promise is broken, or when the file names a test that does not exist.
"""
import re
import sys
import xml.etree.ElementTree as xml


def read_results(path):
    results = {}
    for case in xml.parse(path).getroot().iter("testcase"):
        passed = case.find("failure") is None and case.get("status") in ("run", None)
        results[case.get("name")] = (passed, float(case.get("time", 0)))
    return results


def read_promises(path):
    for line in open(path, encoding="utf-8"):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 3 and re.fullmatch(r"\d+(\.\d+)?", cells[0]):
            yield cells[0], cells[1], re.findall(r"`([^`]+)`", cells[2])


def main():
    specification, results_path = sys.argv[1:]
    results = read_results(results_path)
    whole = len(results)
    broken = 0
    print("\nPromises (docs/SPECIFICATION.md):")
    for number, promise, tests in read_promises(specification):
        state, seconds = "holds", 0.0
        for test in tests:
            matching = [result for name, result in results.items() if name.startswith(test)]
            if not matching:
                state = "not run"
            elif not all(passed for passed, _ in matching):
                state = "BROKEN"
            seconds += sum(time for _, time in matching)
        if not tests:
            state = "BROKEN"
        broken += state == "BROKEN"
        print(f"  {number:>4} {state:8} {seconds:6.1f} s  {promise}")
    if broken:
        print(f"{broken} promise(s) broken")
    print(f"  ({whole} tests ran)\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
