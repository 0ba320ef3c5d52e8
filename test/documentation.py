#!/usr/bin/env python3
"""Checks that what the documentation points at exists.

usage: documentation.py REPOSITORY

- Rows `| … | `file` | `function` | …` of docs/architecture.md: six files, each exists and defines the function.
- Relative links of README.md, CONTRIBUTING.md and docs/**/*.md lead to a file.
- Names of tests in docs/SPECIFICATION.md are beginnings of test cases that stand in test/.
- Calls of docs/protocol.md, in its headings and in its conversation, are the routes of the worker API, and all of them.
"""
import pathlib
import re
import sys


def tour_steps(text):
    return re.findall(r"^\|[^|]*\|\s*`([^`]+)`\s*\|\s*`([^`]+)`\s*\|", text, re.M)


def check_tour(root):
    steps = tour_steps((root / "docs/architecture.md").read_text())
    if len({file for file, _ in steps}) != 6:
        yield "docs/architecture.md: the tour does not name six files"
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
    scripts = "\n".join(path.read_text() for path in (root / "test").rglob("CMakeLists.txt"))
    # A long sentence is a string in several pieces.
    literals = re.findall(r'TEST_CASE\(\s*((?:"[^"]+"\s*)+)', sources)
    cases = ["".join(re.findall(r'"([^"]+)"', text)) for text in literals]
    names = re.findall(r'add_test\(NAME "([^"]+)"', scripts)
    names += [f"bench:{name} runs and measures" for name in re.findall(r"slipway_(?:world_)?bench\(NAME (\w+)", scripts)]
    names += [f"fuzz corpus: {name}" for name in re.findall(r"^slipway_fuzz\((\w+)", scripts, re.M)]
    cases += [name.split(":", 1)[-1].strip() for name in names]
    for row in re.findall(r"^\| \d[^|]*\|[^|]*\|([^|]*)\|$", (root / "docs/SPECIFICATION.md").read_text(), re.M):
        for name in re.findall(r"`([^`]+)`", row):
            sentence = name.split(":", 1)[-1].strip()
            if not sentence or not any(case.startswith(sentence) for case in cases):
                yield f"docs/SPECIFICATION.md: no test is called {name}"


def without_names(path):
    """A path with its variable parts, ids and queries as `*`."""
    return re.sub(r"\{\w+\}|(?<=/)[0-9A-Z]{26}|(?<=blobs/)[\w.-]+", "*", path.split("?")[0])


def worker_routes(root):
    constants = dict(re.findall(r'(k\w+Path)\{?\s*=?\s*"([^"]+)"', (root / "common/protocol/wire.h").read_text()))
    source = (root / "mothership/worker_api.cpp").read_text()
    constants["stage"] = constants["kStagesPath"] + "{id}/"
    for method, base, rest in re.findall(
        r'router\.add(?:_sink)?\(\s*"([A-Z]+)",\s*(?:protocol::)?(\w+)(?: \+ "([^"]+)")?,', source
    ):
        yield f"{method} {without_names(constants[base] + rest)}"


def check_protocol(root):
    text = (root / "docs/protocol.md").read_text()
    routes = set(worker_routes(root))
    described = {
        f"{method} {without_names(path)}"
        for methods, path in re.findall(r"^### ([A-Z, ]+) (/\S+)$", text, re.M)
        for method in methods.split(", ")
    }
    spoken = {f"{method} {without_names(path)}" for method, path in re.findall(r"^> ([A-Z]+) (/\S+)", text, re.M)}
    for call in sorted((described | spoken) - routes):
        yield f"docs/protocol.md: the control plane has no {call}"
    for call in sorted(routes - described):
        yield f"docs/protocol.md: {call} is not described"
    if not spoken:
        yield "docs/protocol.md: there is no conversation"


def main():
    root = pathlib.Path(sys.argv[1])
    faults = [*check_tour(root), *check_links(root), *check_promises(root), *check_protocol(root)]
    print("\n".join(faults) or "the documentation points at what exists")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
