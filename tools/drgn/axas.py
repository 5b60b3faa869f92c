#!/usr/bin/env drgn
# SPDX-License-Identifier: GPL-2.0-only
#
# axas.py [ID]: for drgn, on a live kernel or on a vmcore (drgn -c VMCORE -s VMLINUX -s axas.ko
# axas.py). Lists the spaces with an open descriptor; with the ID of one, walks its page table and
# prints a line for each run of equal leaves, as the file "table" in debugfs does, but for the memory
# type. What a dirty log has put aside is not walked.

import sys

from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.mm import phys_to_virt

SIZES = ["4K", "2M", "1G", "512G"]
LEVEL_BITS = 9
PAGE_SHIFT = 12

# By AXAS_FORMAT_*: whether an entry is present; whether it is a leaf, above level 0; the bits of an
# address and their shift; r, w and x of a leaf.
FORMATS = {
    1: (lambda e: e & 7, lambda e: e & 1 << 7, (1 << 52) - (1 << 12), 0,
        lambda e: (e & 1, e & 2, e & 4)),
    2: (lambda e: e & 1, lambda e: e & 1 << 7, (1 << 52) - (1 << 12), 0,
        lambda e: (e & 1, e & 2, not e >> 63)),
    3: (lambda e: e & 1, lambda e: not e & 2, (1 << 48) - (1 << 12), 0,
        lambda e: (e & 1 << 6, e & 1 << 7, (e >> 53 & 3) in (0, 1))),
    4: (lambda e: e & 1, lambda e: e & 14, (1 << 54) - (1 << 10), 2,
        lambda e: (e & 2, e & 4, e & 8)),
}


def spaces():
    head = prog.object("spaces", filename="axas_debugfs.c")
    for entry in list_for_each_entry("struct axas_debugfs", head.address_of_(), "node"):
        yield entry.space


def table_at(hpa, entries):
    address = phys_to_virt(prog, hpa).value_()
    data = prog.read(address, 8 * entries)
    return [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data), 8)]


def leaves(fmt, hpa, level, entries, gpa):
    present, large, mask, shift, _ = FORMATS[fmt]
    for i, entry in enumerate(table_at(hpa, entries)):
        at = gpa + (i << PAGE_SHIFT + LEVEL_BITS * level)
        if not present(entry):
            continue
        if level and not large(entry):
            yield from leaves(fmt, (entry & mask) << shift, level - 1, 1 << LEVEL_BITS, at)
        else:
            yield at, level, entry


def runs(space):
    npt = space.npt
    fmt, levels = npt.fmt.id.value_(), npt.levels.value_()
    borrowed = (npt.fmt.borrowed.value_(), npt.fmt.borrowed_large.value_(), 0, 0)
    last = None
    for gpa, level, entry in leaves(fmt, npt.root_hpa.val.value_(), levels - 1,
                                    1 << npt.root_bits.value_(), 0):
        prot = "".join(c if bit else "-" for c, bit in zip("rwx", FORMATS[fmt][4](entry)))
        size = 1 << PAGE_SHIFT + LEVEL_BITS * level
        key = (level, prot, bool(entry & borrowed[level]))
        if last and last[1] == gpa and last[2] == key:
            last[1] = gpa + size
            continue
        if last:
            yield last
        last = [gpa, gpa + size, key]
    if last:
        yield last


def show(space):
    for first, end, (level, prot, borrowed) in runs(space):
        print(f"0x{first:016x}-0x{end - 1:016x} {(end - first) >> 10:12}K {SIZES[level]:>4} {prot}"
              f"{' borrowed' if borrowed else ''}")


for space in spaces():
    if len(sys.argv) < 2:
        print(f"{space.id.value_()} 0x{space.range.start.val.value_():x}"
              f"+0x{space.range.size.value_():x} {space.npt.fmt.name.string_().decode()}"
              f" areas {space.areas.nr_ranges.value_()} tables {space.npt.tables.counter.value_()}")
    elif space.id.value_() == int(sys.argv[1]):
        show(space)
