#!/usr/bin/env python3
"""Puts source files together for clang-tidy, which spends most of its time on the headers of a translation unit.

usage: lint_batches.py BUILD-DIRECTORY OUT-DIRECTORY FILE...

Writes OUT-DIRECTORY/N.cpp, the text of some of the files one after another, N.files with their names, and a
compile_commands.json. Files that stand together are compiled with the same flags, and no name that one of them keeps to
itself (in a namespace without a name, or by `using`) is a word of another one or stands in its headers: each means what it
means alone, so that a batch without findings is that many files without findings. Of one with a finding the files are to be
linted alone: that decides.
"""
import functools
import json
import pathlib
import re
import shlex
import sys

MOST_FILES = 12
MOST_LINES = 2400

WORD = re.compile(r"[A-Za-z_]\w*")
FREE_WORD = re.compile(r"(?<![\w:.>])[A-Za-z_]\w*")  # that is looked up: no member, and not qualified
TAKEN = re.compile(r"^\s*using\s+((?:\w+::)+(\w+));", re.M)
ALIAS = re.compile(r"^\s*(?:using|namespace)\s+(\w+)\s*=", re.M)
TYPE = re.compile(r"^(?:struct|class|enum class|enum|union)\s+(\w+)")
VALUE = re.compile(r"(?<![\w:])(\w+)\s*[({\[=;]")
NO_NAME = re.compile(r"(?:using|namespace|public|private|protected|static_assert|case|default)\b")
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def without_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)


def declared(code):
    """Names of a namespace's declarations, which clang-format leaves at the first column."""
    names = set(ALIAS.findall(code))
    for line in code.splitlines():
        if not re.match(r"[A-Za-z_]", line) or NO_NAME.match(line):
            continue
        while (shorter := re.sub(r"<[^<>]*>", "", line)) != line:
            line = shorter
        if found := TYPE.match(line) or VALUE.search(line):
            names.add(found.group(1))
    return names


def own_names(code):
    """What a source file declares for itself alone."""
    blocks = re.findall(r"^namespace \{$(.*?)^\}$", code, re.S | re.M)
    return set(ALIAS.findall(code)).union(*map(declared, blocks))


@functools.cache
def names_of_header(name):
    """What a header of the project and those that it includes declare."""
    path = pathlib.Path(name)
    if not path.exists():
        return frozenset()
    text = path.read_text()
    return declared(without_comments(text)) | names_of_headers(text)


def names_of_headers(text):
    return frozenset().union(*map(names_of_header, INCLUDE.findall(text)))


class Source:
    def __init__(self, name, flags):
        self.name = name
        self.flags = flags
        self.text = pathlib.Path(name).read_text()
        code = without_comments(self.text)
        self.lines = self.text.count("\n")
        self.words = set(FREE_WORD.findall(code))
        self.headers = names_of_headers(self.text)
        self.taken = {name: whole for whole, name in TAKEN.findall(code)}
        self.own = own_names(re.sub(r"[ \t]+$", "", code, flags=re.M)) - set(self.taken)
        # Whether a name that is taken by `using` is of use shows only in the file itself.
        words = WORD.findall(code)
        self.alone = "#define" in self.text or any(words.count(name) < 2 for name in self.own.union(self.taken))

    def disturbs(self, other):
        taken = {name for name, source in self.taken.items() if other.taken.get(name) != source}
        return self.own & (other.words | other.headers) or taken & other.words

    def fits(self, batch):
        return all(self.flags == other.flags and not self.disturbs(other) and not other.disturbs(self) for other in batch)


def flags_of(build):
    """The compiler's command of each file, without file and output."""
    for entry in json.loads((pathlib.Path(build) / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        yield entry["file"], entry["directory"], tuple(words[: words.index("-o")])


def main():
    build, out, *files = sys.argv[1:]
    if not files:
        sys.exit("error: no files to lint")
    flags = {file: (flags, directory) for file, directory, flags in flags_of(build)}
    sources = [Source(name, flags.get(str(pathlib.Path(name).resolve()))) for name in files]
    batches = []
    for source in sources:
        if source.flags is None:
            sys.exit(f"error: {build} does not compile {source.name}")
        room = (
            batch
            for batch in batches
            if len(batch) < MOST_FILES
            and sum(other.lines for other in batch) + source.lines <= MOST_LINES
            and not batch[0].alone
            and source.fits(batch)
        )
        batch = None if source.alone else next(room, None)
        if batch is None:
            batches.append([source])
        else:
            batch.append(source)

    directory = pathlib.Path(out)
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*"):
        old.unlink()
    commands = []
    for number, batch in enumerate(sorted(batches, key=lambda batch: -sum(source.lines for source in batch))):
        unit = directory.resolve() / f"{number}.cpp"
        unit.write_text("\n".join(source.text for source in batch))
        unit.with_suffix(".files").write_text("".join(source.name + "\n" for source in batch))
        flags, where = batch[0].flags
        commands.append({"file": str(unit), "directory": where, "command": shlex.join([*flags, "-c", str(unit)])})
    (directory / "compile_commands.json").write_text(json.dumps(commands))


main()
