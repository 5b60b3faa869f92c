#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
expand.py FOLDER TEST.litmus...: write what herd7 shall run into FOLDER, and print a line
for each file: TEST VERSION EXPECTED FILE.

A test's first comment may say, each on a line of its own:

  twin NAME: OLD -> NEW   a version in which OLD, which must occur, is NEW (or nothing).
                          It must come out as "Sometimes": so what was OLD matters.
  same NAME: OLD -> NEW   a version that must hold as well: so OLD is not needed.

Several OLD -> NEW may be chained by " ; ". What stands behind // is not shown to herd7, so
that it can tell one smp_mb() from another.
"""
import re
import sys
from pathlib import Path


def directives(text):
    """(word, name, rest) of each line of the first comment that is one."""
    comment = re.search(r"\(\*(.*?)\*\)", text, re.S)
    for line in comment.group(1).splitlines() if comment else ():
        m = re.match(r"\s*\*?\s*(twin|same) ([\w-]+): (.*)", line)
        if m:
            yield m.groups()


def changed(text, name, rest):
    for change in rest.split(" ; "):
        old, arrow, new = (part.strip() for part in change.partition("->"))
        if not arrow or old not in text:
            sys.exit(f"{name}: '{old}' is not in the test")
        text = text.replace(old, new)
    return text


def without_comments(text):
    return re.sub(r"[ \t]*//.*", "", text)


def main():
    folder = Path(sys.argv[1])
    for path in map(Path, sys.argv[2:]):
        text = path.read_text()
        body = re.sub(r"\(\*.*?\*\)\n", "", text, count=1, flags=re.S)
        versions = [("base", "Never", body)]
        for word, name, rest in directives(text):
            expected = "Sometimes" if word == "twin" else "Never"
            versions.append((name, expected, changed(body, f"{path}: {name}", rest)))
        for name, expected, version in versions:
            out = folder / f"{path.stem}.{name}.litmus"
            done = re.sub(r"^(\w+) .*", rf"\1 {out.stem}", version, count=1)
            out.write_text(without_comments(done))
            print(path.stem, name, expected, out.name)


main()
