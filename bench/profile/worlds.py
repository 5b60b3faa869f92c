#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# worlds.py FOLDER LINES: a table of what bench/profile/worlds.c and the VMM counted in the runs of
# scripts/bench-linux.sh, and with LINES > 0 the functions of the host's kernel with most
# instructions in each. FOLDER has RUN/guest.log with the VMM's rows and the symbols, and RUN.counts
# if the plugin ran.
#
# entries: of the guest; but polls: without reads of the 8254 in the VMM, whose number depends on
# the time that one takes; to VMM: returns to the VMM.

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


def column(figures, key):
    return f"{figures[key]:,}" if key in figures else "-"


def main(folder, lines):
    print(f"{'run':16} {'':4} {'host kernel':>14} {'programs':>14} {'guest':>16} "
          f"{'entries':>9} {'but polls':>9} {'to VMM':>9} {'halts':>7}")
    for path in sorted(glob.glob(os.path.join(folder, "*", "guest.log"))):
        run = os.path.basename(os.path.dirname(path))
        counts = os.path.join(folder, run + ".counts")
        figures, blocks = read_counts(counts) if os.path.exists(counts) else ({}, {})
        rows, symbols = read_log(path)
        for section in SECTIONS.values():
            entries = rows.get(section + ".entries", 0)
            print(f"{run:16} {section:4} {column(figures, (section, 'kernel')):>14} "
                  f"{column(figures, (section, 'programs')):>14} "
                  f"{column(figures, (section, 'guest')):>16} {entries:9,} "
                  f"{entries - rows.get(section + '.polls', 0):9,} "
                  f"{rows.get(section + '.vmm', 0):9,} {rows.get(section + '.halts', 0):7,}")
        if lines:
            show_functions(blocks, symbols, lines)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("worlds.py FOLDER LINES")
    main(sys.argv[1], int(sys.argv[2]))
