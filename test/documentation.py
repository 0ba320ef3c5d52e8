#!/usr/bin/env python3
"""Checks that what the documentation points at exists.

usage: documentation.py REPOSITORY

- Rows `| … | `file` | `function` | …` of docs/architecture.md: the file exists and defines the function.
- Relative links of README.md, CONTRIBUTING.md and docs/**/*.md lead to a file.
- Names of tests in docs/SPECIFICATION.md are beginnings of test cases that stand in test/.
"""
import pathlib
import re
import sys


def tour_steps(text):
    return re.findall(r"^\|[^|]*\|\s*`([^`]+)`\s*\|\s*`([^`]+)`\s*\|", text, re.M)


def check_tour(root):
    steps = tour_steps((root / "docs/architecture.md").read_text())
    if len({file for file, _ in steps}) < 6:
        yield "docs/architecture.md: the tour names fewer than six files"
    for file, function in steps:
        path = root / file
        if not path.is_file():
            yield f"docs/architecture.md: {file} does not exist"
        elif not re.search(rf"\b{re.escape(function)}\s*\(", path.read_text()):
            yield f"docs/architecture.md: {file} has no {function}"


def check_links(root):
    pages = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                yield f"{page.relative_to(root)}: {target} does not exist"


def check_promises(root):
    sources = "\n".join(path.read_text() for path in (root / "test").rglob("*.cpp"))
    cases = set(re.findall(r'TEST_CASE\(\s*"([^"]+)"', sources))
    scripts = "\n".join(path.read_text() for path in (root / "test").rglob("CMakeLists.txt"))
    for name in re.findall(r"`([^`]+)`\s*[|,]", (root / "docs/SPECIFICATION.md").read_text()):
        sentence = name.split(":", 1)[-1]
        if not any(case.startswith(sentence) for case in cases) and sentence not in scripts:
            yield f"docs/SPECIFICATION.md: no test is called {name}"


def main():
    root = pathlib.Path(sys.argv[1])
    faults = [*check_tour(root), *check_links(root), *check_promises(root)]
    print("\n".join(faults) or "the documentation points at what exists")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
