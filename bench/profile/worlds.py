#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# worlds.py FOLDER LINES: a table of what bench/profile/worlds.c counted in the runs of
# scripts/bench-linux.sh, and with LINES > 0 the functions of the host's kernel with most
# instructions in each. FOLDER has RUN.counts, and RUN/guest.log with the symbols.

import base64
import bisect
import glob
import gzip
import os
import re
import sys
from collections import Counter

# By number: those of bench/linux/main.c.
SECTIONS = {"0": "boot", "2": "idle"}


def read_counts(path):
    figures, blocks = {}, {}
    with open(path, encoding="ascii") as file:
        for line in file:
            words = line.split()
            section = SECTIONS.get(words[1])
            if not section:
                continue
            if words[0] == "world":
                figures[section, words[2]] = int(words[3])
            elif words[0] == "entries":
                figures[section, "entries"] = int(words[2])
            else:
                blocks.setdefault(section, []).append((int(words[2], 16), int(words[3])))
    return figures, blocks


def read_log(path):
    rows, symbols = {}, []
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            words = line.split()
            if words[:2] == ["##bench", "symbols"]:
                text = gzip.decompress(base64.b64decode(words[2])).decode()
                for symbol in text.splitlines():
                    words = symbol.split()
                    module = " " + words[3] if len(words) > 3 else ""
                    symbols.append((int(words[0], 16), words[2] + module))
            elif words[:1] == ["##bench"] and len(words) == 3:
                rows[words[1]] = int(words[2])
    return rows, sorted(symbols)


def show_functions(blocks, symbols, lines):
    starts = [symbol[0] for symbol in symbols]
    for section, counted in sorted(blocks.items()):
        sums = Counter()
        for addr, count in counted:
            sums[symbols[max(bisect.bisect_right(starts, addr) - 1, 0)][1]] += count
        print(f"  {section}:")
        for name, count in sums.most_common(lines):
            print(f"  {count:12,}  {name}")


def main(folder, lines):
    print(f"{'run':16} {'':4} {'host kernel':>14} {'programs':>14} {'guest':>16} "
          f"{'entries':>9} {'halts':>7} {'polls':>7}")
    for path in sorted(glob.glob(os.path.join(folder, "*.counts"))):
        run = re.sub(r"\.counts$", "", os.path.basename(path))
        figures, blocks = read_counts(path)
        rows, symbols = read_log(os.path.join(folder, run, "guest.log"))
        for section in SECTIONS.values():
            print(f"{run:16} {section:4} {figures[section, 'kernel']:14,} "
                  f"{figures[section, 'programs']:14,} {figures[section, 'guest']:16,} "
                  f"{figures[section, 'entries']:9,} {rows.get(section + '.halts', 0):7,} "
                  f"{rows.get(section + '.polls', 0):7,}")
        if lines:
            show_functions(blocks, symbols, lines)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("worlds.py FOLDER LINES")
    main(sys.argv[1], int(sys.argv[2]))
