#!/usr/bin/env python3
"""Prints each promise of docs/SPECIFICATION.md with the state of its test, and what was measured.

usage: specification.py [--whole] SPECIFICATION.md results.xml

A row is `| number | promise | test |`, where test is the beginning of a CTest name in backquotes (several: comma).
A promise holds when its tests ran and passed, and is BROKEN when one failed, was skipped or does not exist. Without
--whole only some tests were asked for, and a promise whose tests are not all among them is `not run`.
A test that measures prints lines `measured: what it is: value`.
Exit status 1 when a promise is broken.
"""
import re
import sys
import xml.etree.ElementTree as xml


def read_results(path):
    results = {}
    for case in xml.parse(path).getroot().iter("testcase"):
        passed = case.find("failure") is None and case.get("status") in ("run", None)
        measured = re.findall(r"^measured: (.+)$", case.findtext("system-out") or "", re.M)
        results[case.get("name")] = (passed, float(case.get("time", 0)), measured)
    return results


def read_promises(path):
    for line in open(path, encoding="utf-8"):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 3 and re.fullmatch(r"\d+(\.\d+)?", cells[0]):
            yield cells[0], cells[1], re.findall(r"`([^`]+)`", cells[2])


def judge(tests, results, whole):
    """The state of a promise, the seconds of its tests and what they measured."""
    found = [[result for name, result in results.items() if name.startswith(test)] for test in tests]
    ran = [result for matching in found for result in matching]
    missing = "BROKEN" if whole else "not run"
    state = missing if not all(found) else "holds"
    if not tests or not all(passed for passed, _, _ in ran):
        state = "BROKEN"
    return state, sum(seconds for _, seconds, _ in ran), [text for _, _, texts in ran for text in texts]


def main():
    *options, specification, results_path = sys.argv[1:]
    results = read_results(results_path)
    promises = list(read_promises(specification))
    broken = 0 if promises else 1
    print("\nPromises (docs/SPECIFICATION.md):")
    for number, promise, tests in promises:
        state, seconds, measured = judge(tests, results, "--whole" in options)
        broken += state == "BROKEN"
        print(f"  {number:>4} {state:8} {seconds:6.1f} s  {promise}")
        for text in measured:
            print(f"{'':24}{text}")
    if broken:
        print(f"{broken} promise(s) broken")
    print(f"  ({len(results)} tests ran)\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
