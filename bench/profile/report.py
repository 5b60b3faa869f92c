#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# report.py GUEST-LOG COUNTS SOURCE LINES: sum what bench/profile/count.c counted by
# function. The guest's log has the symbols, SOURCE (bench/user/profile.c) the names of the
# operations and how often each was done.

import base64
import bisect
import gzip
import re
import sys
from collections import Counter


def read_symbols(path):
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            words = line.split()
            if words[:2] == ["##bench", "symbols"]:
                text = gzip.decompress(base64.b64decode(words[2])).decode()
                break
        else:
            sys.exit(path + ": no symbols")
    symbols = []
    for line in text.splitlines():
        words = line.split()
        module = " " + words[3] if len(words) > 3 else ""
        symbols.append((int(words[0], 16), words[2] + module))
    return sorted(symbols)


def main(log, counts, source, lines):
    with open(source, encoding="ascii") as file:
        text = file.read()
    names = re.findall(r"^MARK\((\w+)\)$", text, re.M)
    many = int(re.search(r"define OPS\s+(\d+)", text).group(1))
    few = int(re.search(r"define OPS_2M\s+(\d+)", text).group(1))
    images = int(re.search(r"define OPS_IMAGES\s+(\d+)", text).group(1))
    symbols = read_symbols(log)
    starts = [symbol[0] for symbol in symbols]
    sums = {}
    with open(counts, encoding="ascii") as file:
        for line in file:
            section, addr, count = line.split()
            addr = int(addr, 16)
            if addr < starts[0] and addr < 1 << 47:
                name = "(guest)" if addr < 1 << 20 else "(VMM)"
            else:
                name = symbols[max(bisect.bisect_right(starts, addr) - 1, 0)][1]
            sums.setdefault(int(section), Counter())[name] += int(count)
    for section, functions in sorted(sums.items()):
        ops = few if names[section].endswith("2m") else many
        if names[section] in ("image_freeze", "image_clone"):
            ops = images
        print(f"{names[section]}: {sum(functions.values()) / ops:,.1f} instructions")
        for name, count in functions.most_common(int(lines)):
            print(f"  {count / ops:10,.1f}  {name}")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__ or "report.py GUEST-LOG COUNTS SOURCE LINES")
    main(*sys.argv[1:])
