#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
expand.py FOLDER TEST.litmus...: write what herd7 shall run into FOLDER, and print a line
for each file: TEST VERSION EXPECTED FILE.

A test's first comment may say, each on a line of its own:

  twin NAME: OLD -> NEW   a version in which OLD, which must occur, is NEW (or nothing).
                          It must come out as "Sometimes": so what was OLD matters.
  same NAME: OLD -> NEW   a version that must hold as well: so OLD is not needed.
  interrupt: CONDITION    the interrupt of a remover comes at each of the places that
                          are marked "// interrupt", one file for each of them.
                          CONDITION says that it did come, and was waited for.
  no interrupt: CONDITION ... or it did not come.

Several OLD -> NEW may be chained by " ; ". A version holds if all its files are "Never";
of a twin's files one must be "Sometimes". What stands behind // is not shown to herd7,
so that it can tell one smp_mb() from another.
"""
import re
import sys
from pathlib import Path

# What the kernel does on the interrupted CPU: the queue is taken by an xchg(), the
# function runs, and its end is told by a release. See kernel/smp.c.
HANDLER = """\
i = smp_load_acquire(ipi);
	smp_mb(); // handler
	smp_store_release(done, 1);
"""


def directives(text):
    """(word, name, rest) of each line of the first comment that is one."""
    comment = re.search(r"\(\*(.*?)\*\)", text, re.S)
    for line in comment.group(1).splitlines() if comment else ():
        m = re.match(r"\s*\*?\s*(twin|same) ([\w-]+): (.*)|\s*\*?\s*((?:no )?interrupt): (.*)",
                     line)
        if m:
            yield (m[1], m[2], m[3]) if m[1] else (m[4], "", m[5])


def changed(texts, name, rest):
    for change in rest.split(" ; "):
        old, arrow, new = (part.strip() for part in change.partition("->"))
        if not arrow or not any(old in text for text in texts):
            sys.exit(f"{name}: '{old}' is not in the test")
        texts = [text.replace(old, new) for text in texts]
    return texts


def placements(body, handler, came, not_came):
    """The test with the interrupt at each place, and without it."""
    parts = re.split(r"[ \t]*// interrupt\n", body)
    if len(parts) == 1:
        yield "", body
        return

    def filtered(text, condition):
        return re.sub(r"^exists", f"filter ({condition})\nexists", text, flags=re.M)

    for i in range(1, len(parts)):
        text = "".join(parts[:i]) + "\t" + handler + "".join(parts[i:])
        yield f"-{i}", filtered(text, came)
    if not_came:
        yield "-none", filtered("".join(parts), not_came)


def without_comments(text):
    return re.sub(r"[ \t]*//.*", "", text)


def main():
    folder = Path(sys.argv[1])
    for path in map(Path, sys.argv[2:]):
        text = path.read_text()
        found = list(directives(text))
        conditions = {word: rest for word, _, rest in found if "interrupt" in word}
        body = re.sub(r"\(\*.*?\*\)\n", "", text, count=1, flags=re.S)
        versions = [("base", "Never", [body, HANDLER])]
        for word, name, rest in found:
            if word in ("twin", "same"):
                expected = "Sometimes" if word == "twin" else "Never"
                versions.append((name, expected, changed([body, HANDLER], f"{path}: {name}", rest)))
        for name, expected, version in versions:
            for place, done in placements(*version, conditions.get("interrupt"),
                                          conditions.get("no interrupt")):
                out = folder / f"{path.stem}.{name}{place}.litmus"
                done = re.sub(r"^(\w+) .*", rf"\1 {out.stem}", done, count=1)
                out.write_text(without_comments(done))
                print(path.stem, name, expected, out.name)


main()
