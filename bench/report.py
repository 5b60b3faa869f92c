#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# report.py: process the rows that scripts/bench.sh measured.
#
#   collect FOLDER               all rows of a run, as JSON
#   update JSON BASELINE         merge the modes of a run into the baseline
#   table JSON                   the tables, in plain text
#   check JSON BASELINE README DOC   TAP: a line for each count, and for each of the files
#   write JSON README DOC        write the part of each file between marks: the tables, all of
#                                them in DOC
#   plots JSON FOLDER            data files for bench/plots.sh
#
# A row is "NAME MEAN CLEAN DIRTY [MEDIAN]". The mean is used, except for rows whose samples are
# single operations. These use the median: an occasional sample includes the refill of a cache
# of Linux, or a tick. Names of native rows tell which statistic they are.

import json
import os
import sys

# Bound of a count relative to its baseline, for our own counts: those of KVM and of Linux's
# primitives change with Debian.
TOLERANCE = 1.05
NOT_OURS = ("kvm.", "floor.", "clock.", "paths.process_vm_")
OTHER_MEMORY = (".memfd", ".anonymous")

# The cost to free 512 pages to the buddy allocator depends on which of their neighbours are
# free, and so on all earlier operations; so does free memory. The longest of hundreds of pieces
# is the one in which an allocator, or RCU, had work to do. All are shown, but not compared.
UNSTABLE = (".unmap_2m", ".memory", "_10000_areas")

MEDIAN = 4
SINGLE = ("size.", "page.", "leaves.", "space.unmap_4k", "space.discard_4k")

# Mode, and the column of its rows to use.
MODES = (("instructions", 1), ("cpus256", 1), ("large", 1), ("newer", 1), ("newest", 1),
         ("disturb", 1), ("parallel", 1), ("native", 1))

# Modes with counts, which are compared. For disturb with an absolute tolerance: other threads
# cause a few interrupts, and so few in so many operations mean nothing.
COUNTED = ("instructions", "cpus256", "large", "newer", "newest", "disturb")
FEW = {"disturb": 0.2}

# Bound on the instructions of a piece of work that excludes all others.
HELD_MOST = 150000

# Grace periods also occur for other users of RCU.
OF_OTHERS = (".grace_periods_of",)


def read_rows(path, column):
    rows, failed = {}, []
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            words = line.split()
            if words and words[0] == "failed:":
                failed.append(path + ": " + line.strip())
            elif len(words) >= 4:
                at = MEDIAN if words[0].startswith(SINGLE) else column
                rows[words[0]] = float(words[min(at, len(words) - 1)])
    if failed or not rows:
        sys.exit("\n".join(failed or [path + ": no rows"]))
    return rows


def collect(folder):
    result = {"kernels": {}}
    for mode, build in (("instructions", "build"), ("cpus256", "build"), ("large", "build"),
                        ("disturb", "build"),
                        ("newer", "build-newer"), ("newest", "build-newest")):
        path = os.path.join(folder, build, "release")
        if os.path.exists(path) and os.path.exists(os.path.join(folder, mode)):
            with open(path, encoding="ascii") as file:
                result["kernels"][mode] = file.read().strip()
    for mode, column in MODES:
        path = os.path.join(folder, mode, "rows")
        if os.path.exists(path):
            result[mode] = read_rows(path, column)
    json.dump(result, sys.stdout, indent=1, sort_keys=True)
    print()


class Row:
    """A line of a table: an operation, its cost, and the costs to compare with."""

    def __init__(self, title, axas, **other):
        self.title = title
        self.axas = axas
        self.kvm = other.get("kvm")
        self.floor = other.get("floor")
        self.target = other.get("target")
        self.why = other.get("why", "")

    def met(self):
        return met(self.axas, self.target)

    def ratio(self, value):
        return f"{self.axas / value:.2f}" if value and self.axas is not None else "-"


def number(value):
    if value is None:
        return "-"
    return f"{value:,.1f}" if value < 100 and value != int(value) else f"{value:,.0f}"


def met(value, most):
    if most is None or value is None:
        return "-"
    return "yes" if value <= most else "no"


def small(value):
    """A count for one operation, which may be a fraction."""
    return f"{value:.2f}"


def at_most(row):
    if row.target is None:
        return "-"
    return number(row.target) + (f" ({row.why})" if row.why else "")


class Figures:
    """Results of a run, and the tables made from them."""

    def __init__(self, data):
        self.count = data.get("instructions", {})
        self.cpus256 = data.get("cpus256", {})
        self.large = data.get("large", {})
        self.newer = data.get("newer", {})
        self.newest = data.get("newest", {})
        self.disturb = data.get("disturb", {})
        self.parallel = data.get("parallel", {})
        self.native = data.get("native", {})

    def floor_4k(self):
        return self.count["axas.exit_ud"] + self.count["floor.clear_page"]

    def floor_2m(self):
        return self.count["axas.exit_ud"] + 512 * self.count["floor.clear_page"]

    def pair(self, title, name, **other):
        """The same operation on both sides."""
        return Row(title, self.count["axas." + name], kvm=self.count.get("kvm." + name), **other)

    def other_memory(self, size, name, file, text):
        """KVM on other memory that VMMs use; the last is populated before the guest touches it."""
        return [Row(title, self.count["axas." + name], kvm=self.count[f"kvm.{name}_{kind}"])
                for title, kind in ((f"{size}, KVM on {text}", file),
                                    (f"{size}, KVM on populated memory", "present"))
                if f"kvm.{name}_{kind}" in self.count]

    def discard_rows(self):
        """KVM's is MADV_DONTNEED, as for unmap; a fault after it, as any first touch."""
        c = self.count
        return [Row(title, c["axas." + name], kvm=c.get("kvm." + of), target=target)
                for title, name, of, target in (
                    ("discard 4K, a page", "discard_4k", "unmap_4k", 200),
                    ("discard 2M, a page", "discard_2m", "unmap_2m", 25),
                    ("demand fault 4K after it", "refault_4k", "fault_4k", None),
                    ("demand fault 2M after it", "refault_2m", "fault_2m", None))
                if "axas." + name in c]

    def guest_rows(self):
        c = self.count
        page, floor, floor_2m = c["floor.clear_page"], self.floor_4k(), self.floor_2m()
        return [
            self.pair("demand fault 4K", "fault_4k", floor=floor, target=1050),
            self.pair("the same, memory not charged to a cgroup", "fault_4k_uncharged"),
            *self.other_memory("4K", "fault_4k", "memfd", "a memfd"),
            self.pair("demand fault 2M", "fault_2m", floor=floor_2m, target=274500),
            *self.other_memory("2M", "fault_2m", "hugetlb", "hugetlbfs"),
            Row("populate 4K, a page", c["space.populate_4k"], floor=page, target=600),
            Row("populate 2M, a page", c["space.populate_2m"]),
            self.pair("unmap 4K, a page", "unmap_4k", target=200),
            self.pair("unmap 2M, a page", "unmap_2m", target=25),
            *self.discard_rows(),
            self.pair("protect 4K, a page", "protect_4k"),
            self.pair("protect 2M, a page", "protect_2m"),
            self.pair("exit to the kernel and back, with an exception", "exit_ud"),
            self.pair("the same, past INVD (decoded by both: QEMU saves no next RIP)", "exit_invd"),
            self.pair("the same, past CPUID (likewise)", "exit_cpuid"),
            self.pair("exit to the VMM and back", "exit_to_user", target=1700),
        ]

    def bridge_rows(self):
        """KVM's guest on memory of a space, and on what VMMs use else."""
        c = self.count
        if "bridge.fault_4k" not in c:
            return []
        small, large = c["kvm.fault_4k"], c["kvm.fault_2m"]
        return [
            Row("demand fault 4K, anonymous memory", c["bridge.fault_4k"], kvm=small,
                target=small, why="as there"),
            Row("the same, pinnable", c["bridge.fault_4k_pinnable"], kvm=small),
            Row("4K, a memfd", c["bridge.fault_4k"], kvm=c["kvm.fault_4k_memfd"]),
            Row("demand fault 2M, transparent huge pages", c["bridge.fault_2m"], kvm=large,
                target=large, why="as there"),
            Row("the same, pinnable", c["bridge.fault_2m_pinnable"], kvm=large),
            Row("2M, hugetlbfs", c["bridge.fault_2m"], kvm=c["kvm.fault_2m_hugetlb"]),
            Row("discard 4K, a page; MADV_DONTNEED", c["bridge.discard_4k"],
                kvm=c["kvm.unmap_4k"]),
            Row("discard 2M, a page; MADV_DONTNEED", c["bridge.discard_2m"],
                kvm=c["kvm.unmap_2m"]),
            Row("fault 4K after a discard", c["bridge.refault_4k"], kvm=small),
            Row("fault 2M after a discard", c["bridge.refault_2m"], kvm=large),
        ]

    def mapping_rows(self):
        """Host mappings of guest memory, and of memory that VMMs use else."""
        c = self.count
        if "mapping.first_touch.axas" not in c:
            return []
        anonymous = c["mapping.first_touch.anonymous"]
        write, read = c["mapping.write_present.memfd"], c["mapping.read_present.memfd"]
        return [
            Row("first touch, a write; anonymous memory", c["mapping.first_touch.axas"],
                kvm=anonymous, target=1.2 * anonymous, why="1.2 of that"),
            Row("the same, pinnable", c["mapping.first_touch.axas_pinnable"], kvm=anonymous),
            Row("the same; a memfd", c["mapping.first_touch.axas"],
                kvm=c["mapping.first_touch.memfd"]),
            Row("write to a page that has a frame; a memfd", c["mapping.write_present.axas"],
                kvm=write, target=1.1 * write, why="1.1 of that"),
            Row("the same, pinnable", c["mapping.write_present.axas_pinnable"], kvm=write),
            Row("read of a table of such pages, a page; a memfd", c["mapping.read_present.axas"],
                kvm=read, target=1.2 * read, why="1.2 of that"),
        ]

    def log_rows(self):
        """The dirty log, 4 KiB leaves; KVM's with manual protection."""
        c = self.count
        if "axas.log_start_64m" not in c:
            return []
        exit_entry = c["axas.exit_ud"]
        return [
            self.pair("start on 64 MiB", "log_start_64m", target=20000),
            self.pair("start on 1 GiB", "log_start_1g", target=20000),
            Row("start on 8 GiB", self.large.get("axas.log_start_8g"),
                target=1.1 * self.large.get("axas.log_start_64m_beside",
                                            c["axas.log_start_64m"]),
                why="1.1 of 64 MiB in the same run"),
            self.pair("first touch of 2 MiB after it, a read", "log_first_touch",
                      target=4000 + exit_entry, why="4,000 and an exit"),
            self.pair("first write to a clean page", "log_first_write",
                      target=250 + exit_entry, why="250 and an exit"),
            self.pair("get and clear, 2 MiB that were not touched", "log_pass_region", target=20),
            Row("the same as extents", c["axas.log_pass_region_extents"], target=20),
            self.pair("get and clear, a clean page", "log_pass_clean", target=3),
            self.pair("get and clear, a dirty page among 100", "log_pass_dirty", target=60),
        ]

    def image_rows(self):
        """Freeze, clone, copy on write; KVM's is a private mapping of a memfd."""
        c = self.count
        if "axas.image_clone" not in c:
            return []
        write = 1.15 * (c["axas.exit_ud"] + c["file.floor_page_and_copy"])
        rows = [Row(f"freeze and one clone, {size} of 4 KiB leaves",
                    c["axas.image_freeze_clone_" + name], target=20000)
                for size, name in (("64 MiB", "64m"), ("1 GiB", "1g"), ("2 GiB", "2g"))]
        rows += [Row(f"freeze and one clone, {size} of 4 KiB leaves",
                     self.large.get("axas.image_freeze_clone_" + name), target=20000)
                 for size, name in (("4 GiB", "4g"), ("8 GiB", "8g"))]
        first = self.large.get("axas.image_clone_first")
        rows += [
            Row("freeze of 4 MiB that the host has mapped, a page; KVM: arming UFFD-WP",
                c.get("axas.image_freeze_mapped"), kvm=c.get("kvm.image_freeze_mapped"),
                target=700),
            Row("a clone, the first ones of 10,000 at once", first),
            Row("a clone, the last ones of them", self.large.get("axas.image_clone_last"),
                target=first and 1.1 * first, why="1.1 of the first ones"),
            Row("memory of one of them, KiB", self.large.get("axas.image_clone_kib"), target=64),
        ]
        return rows + [
            Row("one more clone", c["axas.image_clone"], target=8000),
            Row("the end of a clone", c["axas.image_clone_end"], target=10000),
            Row("first touch of 2 MiB, a read; KVM: one page", c["axas.image_look_2m"],
                kvm=c["kvm.image_look_2m"],
                target=5000 + c["axas.exit_ud"] + c["floor.alloc_page_zeroed_charged"],
                why="5,000, an exit and a table"),
            self.pair("read all of 1 MiB, a page", "image_look"),
            self.pair("first write to a page that was read", "image_write", target=write,
                      why="1.15 of exit, page and copy"),
            self.pair("first write to a page that was not read", "image_write_untouched"),
            Row("first touch of 2 MiB, 16 images deep", c.get("axas.image_look_2m_depth"),
                target=2 * c["axas.image_look_2m"], why="2 of depth 1"),
            Row("first write to a page that was read, 16 images deep",
                c.get("axas.image_write_depth"), target=1.1 * c["axas.image_write"],
                why="1.1 of depth 1"),
        ] + [Row(title, c["axas.image_reset_" + name],
                 target=3000 + pages * (150 + c["floor.memcpy_4k"]),
                 why="3,000, and a copy and 150 a page")
             # The guest writes to two pages of its own, too.
             for title, name, pages in (("reset, 3 pages written", "1", 3),
                                        ("reset, 12 pages written", "10", 12),
                                        ("reset, 1,002 pages written", "1000", 1002),
                                        ("reset, 12 pages written of 10,002 that are kept",
                                         "10_of_10000", 12))]

    def file_rows(self):
        """Faults on pages of a sealed file that are cached, in the kernel: no exit."""
        c = self.count
        copy = c["file.floor_page_and_copy"] + 700
        return [
            Row("read, page not borrowed yet", c["file.touch"], target=700),
            Row("read, page borrowed by another space", c["file.touch_held"], target=700),
            Row("16 pages at once, not borrowed yet", c["file.borrow_16"]),
            Row("16 pages at once, borrowed by another space", c["file.borrow_16_held"]),
            Row("write to a borrowed page", c["file.write_borrowed"], target=copy,
                why="page, copy and 700"),
            Row("write to an untouched page", c["file.write_untouched"], target=copy,
                why="page, copy and 700"),
        ]

    def supply_rows(self):
        """Missing pages, and userfaultfd() on KVM's memory and on a process's."""
        c = self.count
        if "axas.supply_guest_4k" not in c:
            return []
        guest = c["kvm.supply_guest_4k"]
        return [
            Row("4K that a guest touches: exit, copy, run", c["axas.supply_guest_4k"], kvm=guest,
                target=guest / 2, why="half of that"),
            Row("4K that the VMM touches: wait, copy, continue", c["axas.supply_host_4k"],
                kvm=c["kvm.supply_host_4k"]),
            Row("the call for 4K; UFFDIO_COPY", c["axas.supply_call_4k"],
                kvm=c["kvm.supply_call_4k"]),
            Row("the call for 2M; UFFDIO_COPY", c["axas.supply_call_2m"],
                kvm=c["kvm.supply_call_2m"]),
        ]

    def newer_rows(self):
        n = self.newer
        return [Row(title, n["axas." + name], kvm=n.get("kvm." + name)) for title, name in (
            ("demand fault 4K", "fault_4k"), ("demand fault 2M", "fault_2m"),
            ("populate 4K, a page", "populate_4k"), ("populate 2M, a page", "populate_2m"),
            ("unmap 4K, a page", "unmap_4k"), ("unmap 2M, a page", "unmap_2m"),
            ("protect 4K, a page", "protect_4k"),
            ("exit to the VMM and back", "exit_to_user"))] if n else []

    def newest_rows(self):
        """KVM on guest_memfd, which has no 2 MiB leaves yet."""
        n = self.newest
        return [Row(title, n["axas." + name], kvm=n.get("kvm." + name + kind))
                for title, name, kind in (
                    ("demand fault 4K", "fault_4k", ""),
                    ("4K, KVM on guest_memfd", "fault_4k", "_guest_memfd"),
                    ("4K, KVM on populated guest_memfd", "fault_4k",
                     "_guest_memfd_present"),
                    ("demand fault 2M", "fault_2m", ""),
                    ("populate 4K, a page", "populate_4k", ""),
                    ("populate 4K, KVM on guest_memfd", "populate_4k", "_guest_memfd"),
                    ("unmap 4K, a page", "unmap_4k", ""),
                    ("unmap 4K, KVM on guest_memfd", "unmap_4k", "_guest_memfd"),
                    ("protect 4K, a page", "protect_4k", ""))] if n else []

    def space_rows(self):
        """Cost of a space with 1 possible CPU, and with 256; no row may depend on the number."""
        c = self.cpus256
        return [[title, number(c["spaces_of_1." + name]), number(c["spaces_of_256." + name]),
                 number(most), met(c["spaces_of_256." + name], most)]
                for title, name, most in (
                    ("create and drop, by ioctl", "create_drop", 12000),
                    ("AXAS_GET_INFO", "get_info", 1500),
                    ("protect one touched page of 64 MiB, by ioctl", "protect_page", None),
                    ("unmap it, by ioctl", "unmap_page", None),
                    ("memory of an empty space, bytes", "memory", 3 * 4096))
                ] if c else []

    def held_rows(self):
        """The longest pieces of work that exclude all others."""
        return [[title, number(self.count["held." + name]), number(HELD_MOST),
                 met(self.count["held." + name], HELD_MOST)]
                for title, name in (
                    ("populate 1 GiB by 4K", "populate_1g"),
                    ("protect it", "protect_1g"),
                    ("collapse it to leaves of 2M", "collapse_1g"),
                    ("protect one page of a leaf of 2M", "protect_page_of_large_leaf"),
                    ("unmap 1 GiB of 4K leaves", "unmap_1g"),
                    ("clear 1 GiB of 4K leaves", "clear_1g"),
                    ("discard 1 GiB of 4K leaves", "discard_1g"),
                    ("discard 1,024 separate pages", "discard_1024_pages"),
                    ("freeze 1 GiB of 4K leaves", "freeze_1g"),
                    ("map_linear 1 GiB by 4K", "linear_1g"),
                    ("protect that", "protect_linear_1g"),
                    ("unmap that", "unmap_linear_1g"),
                    ("protect 10,000 areas of a page", "protect_10000_areas"),
                    ("unmap 10,000 areas of a page", "unmap_10000_areas"))
                if "held." + name in self.count] if "held.populate_1g" in self.count else []

    def size_rows(self):
        """Cost of a page in areas of each size."""
        c = self.count
        return [[title] + [number(c.get(f"leaves.{name}.{size}")) for size in
                           ("1m", "2m", "64m", "1g", "4g")]
                for title, name in (
                    ("map_linear by 4K, a leaf", "linear_by_4k"),
                    ("protect that, a leaf", "protect_by_4k"),
                    ("unmap that, a leaf", "unmap_by_4k"),
                    ("map_linear by 2M, a leaf", "linear_by_2m"),
                    ("protect that, a leaf", "protect_by_2m"),
                    ("unmap that, a leaf", "unmap_by_2m"))
                ] if "leaves.linear_by_4k.4g" in c else []

    def disturb_rows(self):
        """Disturbance of other CPUs by axas and by KVM."""
        d = self.disturb
        return [[title] + [small(d[f"{who}.{what}_of_{name}"])
                           for what in ("ipis", "grace_periods", "exits_of_others")
                           for who in ("axas", "kvm")]
                for title, name in (
                    ("map a page", "map"), ("fault 4K", "fault"),
                    ("protect a page", "protect_page"),
                    ("make it writable again", "unprotect_page"),
                    ("unmap a page", "unmap_page"),
                    ("collapse 2 MiB", "collapse"))] if d else []

    def table_rows(self):
        """Compared with the crate: its instructions are in the column of KVM."""
        c = self.count
        return [
            Row("populate, a page", c["table.populate"], kvm=135, target=40),
            Row("unmap, a page", c["table.unmap"], kvm=56, target=25),
            Row("map_linear by 4K, a page", c["table.linear_4k"], kvm=126, target=10),
            Row("unmap of that, a page", c["table.unmap_linear_4k"], kvm=57),
            Row("protect, a page", c["table.protect"], target=10),
            Row("fault", c["table.fault"], kvm=155, target=155),
            Row("fault, 64 areas", c["table.fault_of_64_areas"], kvm=266),
            Row("fault on a mapped page", c["table.fault_spurious"]),
            Row("translate", c["table.translate"], kvm=72, target=60),
            Row("map_linear 1 GiB in one leaf", c["table.linear_1g_aligned"]),
            Row("map_alloc lazy, 4 KiB", c["size.map_lazy.4k"]),
            Row("map_alloc lazy, 64 GiB", c["size.map_lazy.64g"], kvm=114 * 64 * 2 ** 18,
                target=1.01 * c["size.map_lazy.4k"], why="as 4 KiB"),
            Row("tables of a lazy GiB beside the root", c["table.tables_of_lazy_1g"] - 1, kvm=514,
                target=0),
            Row("tables of 1 GiB in leaves of 4K", c["table.tables_of_populated_1g"],
                target=2 ** 18 / 512 + 3),
        ]

    def page_rows(self):
        """Operations on one page, and in spaces of many areas."""
        c = self.count
        return [
            Row("unmap one touched page of 1 GiB", c["page.unmap"], target=2500),
            Row("protect one touched page of 1 GiB", c["page.protect"], target=2500),
            Row("unmap a page that is not mapped", c["page.unmap_nothing"], target=300),
            Row("protect a page as it is", c["page.protect_to_the_same"], target=300),
            Row("fault, 1 area", c["areas.random_fault_of_1"]),
            Row("fault, random among 100 areas", c["areas.random_fault_of_100"]),
            Row("fault, random among 10,000 areas", c["areas.random_fault_of_10000"]),
            Row("fault on a mapped page, random among 100 areas",
                c["areas.random_spurious_of_100"]),
            Row("fault on a mapped page, random among 10,000 areas",
                c["areas.random_spurious_of_10000"], target=400),
            Row("translate, 1 area", c["areas.random_translate_of_1"]),
            Row("translate, random among 100 areas", c["areas.random_translate_of_100"]),
            Row("translate, random among 10,000 areas", c["areas.random_translate_of_10000"],
                target=350),
            Row("areas of 64 MiB protected page by page and back",
                c["areas.of_64m_protected_by_page_and_back"], target=1),
        ]

    def access_rows(self):
        """Compared with memcpy() in the kernel, process_vm_readv() and _writev() in user space."""
        c = self.count
        rows = []
        for verb, other, to in (("read", "pread", "readv"), ("write", "pwrite", "writev")):
            for size, text in (("8", "8 B"), ("64", "64 B"), ("4k", "4 KiB"), ("1m", "1 MiB")):
                memcpy = c["floor.memcpy_" + size]
                target = {"target": 1.15 * memcpy, "why": "1.15 memcpy"} \
                    if (verb, size) == ("read", "4k") else {}
                rows.append(Row(f"axas_{verb}() {text}, in the kernel", c[f"access.{verb}_{size}"],
                                floor=memcpy, **target))
                rows.append(Row(f"{other}() {text}", c[f"paths.{other}_{size}"],
                                kvm=c[f"paths.process_vm_{to}_{size}"]))
        return sorted(rows, key=lambda row: "()" in row.title and row.title[0] == "p") + [
            Row("create and drop a space, in the kernel", c["space.create_drop"]),
            Row("create and drop a space, by ioctl", c["axas.create_drop"], target=12000),
            Row("AXAS_GET_INFO", c["paths.get_info"], target=1500),
        ]

    def parallel_rows(self):
        """Nanoseconds. The target bounds the speed-up, so its inverse is compared."""
        p = self.parallel
        return [(f"{n} of {cpus} CPUs", p[f"axas.parallel_smp{cpus}_ns_of_{n}"],
                 p[f"axas.parallel_smp{cpus}_speedup_of_{n}"],
                 p[f"kvm.parallel_smp{cpus}_ns_of_{n}"],
                 p[f"kvm.parallel_smp{cpus}_speedup_of_{n}"])
                for cpus, n in ((2, 1), (2, 2), (4, 1), (4, 2), (4, 4))
                if f"axas.parallel_smp{cpus}_ns_of_{n}" in p]

    def native_rows(self):
        """Nanoseconds without and with retpolines, and those of the crate."""
        n = self.native
        return [[title] + [f"{n[f'{mode}.{name}.{which}']:.1f}"
                           for mode in ("native", "retpoline") for which in ("least", "median")]
                + [str(crate)]
                for title, name, crate in (
                    ("fault, a new page", "fault", 6.6),
                    ("fault, new pages in no order", "fault_anywhere", "-"),
                    ("fault in a vCPU's loop (fault_nowait)", "fault_nowait", "-"),
                    ("fault on a mapped page", "fault_spurious", "-"),
                    ("translate", "translate", 13.6),
                    ("translate, pages in no order", "translate_anywhere", "-"),
                    ("read 8 B, hot", "read_8", "-"),
                    ("read 64 B, hot", "read_64", 7.7),
                    ("read 4 KiB, hot", "read_4k", 31),
                    ("write 8 B, hot", "write_8", "-"),
                    ("write 64 B, hot", "write_64", 7.8),
                    ("write 4 KiB, hot", "write_4k", 37),
                    ("populate, a page", "populate", 6.1),
                    ("protect, a page", "protect", "-"),
                    ("unmap, a page", "unmap", 2.6),
                    ("freeze and one clone, 64 GiB of 4 KiB leaves", "freeze_clone_64g", "-"),
                    ("for comparison: memcpy() of 4 KiB", "floor_memcpy_4k", "-"),
                    ("for comparison: zeroes for 4 KiB", "floor_clear_page", "-"))
                if f"native.{name}.least" in n]

    def more_tables(self):
        """Tables whose rows are lists of cells; a run may lack some."""
        return [(title, heads, rows) for title, heads, rows in (
            ("Instructions, linear areas of each size in small leaves",
             ["operation", "1 MiB", "2 MiB", "64 MiB", "1 GiB", "4 GiB"], self.size_rows()),
            ("Instructions at once while everybody else is kept out",
             ["operation", "the most", "at most", "met"], self.held_rows()),
            ("Instructions, a space where 1 CPU is possible, and 256",
             ["what", "1 CPU", "256 CPUs", "at most", "met"], self.space_rows()),
            ("What others notice of one operation",
             ["operation", "IPIs", "KVM's", "grace periods", "KVM's",
              "exits of another guest", "KVM's"], self.disturb_rows())) if rows]

    def tables(self):
        """Title, heads and cells of each table."""
        result = []
        if self.count:
            result.append((
                "Instructions, one vCPU, Debian 6.1 (a page is 4 KiB)",
                ["operation", "axas", "KVM", "/ KVM", "/ floor", "at most", "met"],
                [[r.title, number(r.axas), number(r.kvm), r.ratio(r.kvm), r.ratio(r.floor),
                  at_most(r), r.met()] for r in self.guest_rows()]))
            if self.bridge_rows():
                result.append((
                    "Instructions, KVM's guest on memory of a space",
                    ["operation, and memory to compare with", "a space", "that", "/ that",
                     "at most", "met"],
                    [[r.title, number(r.axas), number(r.kvm), r.ratio(r.kvm), at_most(r),
                      r.met()] for r in self.bridge_rows()]))
            if self.log_rows():
                result.append((
                    "Instructions, dirty log",
                    ["operation", "axas", "KVM", "/ KVM", "at most", "met"],
                    [[r.title, number(r.axas), number(r.kvm), r.ratio(r.kvm), at_most(r),
                      r.met()] for r in self.log_rows()]))
            if self.image_rows():
                result.append((
                    "Instructions, images; KVM on a private mapping of a memfd",
                    ["operation", "axas", "KVM", "/ KVM", "at most", "met"],
                    [[r.title, number(r.axas), number(r.kvm), r.ratio(r.kvm), at_most(r),
                      r.met()] for r in self.image_rows()]))
            result.append((
                "Instructions, faults on cached pages of a file",
                ["operation", "axas", "at most", "met"],
                [[r.title, number(r.axas), at_most(r), r.met()] for r in self.file_rows()]))
            if self.mapping_rows():
                result.append((
                    "Instructions, faults of the VMM on mapped memory",
                    ["operation, and memory to compare with", "a space", "that", "/ that",
                     "at most", "met"],
                    [[r.title, number(r.axas), number(r.kvm), r.ratio(r.kvm), at_most(r),
                      r.met()] for r in self.mapping_rows()]))
            if self.supply_rows():
                result.append((
                    "Instructions, missing pages; KVM and userfaultfd()",
                    ["operation", "axas", "KVM", "/ KVM", "at most", "met"],
                    [[r.title, number(r.axas), number(r.kvm), r.ratio(r.kvm), at_most(r),
                      r.met()] for r in self.supply_rows()]))
        for kernel, rows in (("6.12", self.newer_rows()), ("7.2", self.newest_rows())):
            if rows:
                result.append((
                    "Instructions, one vCPU, Debian " + kernel,
                    ["operation", "axas", "KVM", "/ KVM"],
                    [[r.title, number(r.axas), number(r.kvm), r.ratio(r.kvm)] for r in rows]))
        if self.count:
            result.append((
                "Instructions, tables alone",
                ["operation", "axas", "crate", "/ crate", "at most", "met"],
                [[r.title, number(r.axas), number(r.kvm), r.ratio(r.kvm), at_most(r), r.met()]
                 for r in self.table_rows()]))
            result.append((
                "Instructions, one page at a time and many areas",
                ["operation", "axas", "at most", "met"],
                [[r.title, number(r.axas), at_most(r), r.met()] for r in self.page_rows()]))
        result += self.more_tables()
        if self.count:
            result.append((
                "Instructions, guest memory read and written by the host",
                ["operation", "axas", "process_vm_*", "/ that", "/ memcpy", "at most", "met"],
                [[r.title, number(r.axas), number(r.kvm), r.ratio(r.kvm), r.ratio(r.floor),
                  at_most(r), r.met()] for r in self.access_rows()]))
        if self.parallel:
            result.append((
                "Parallel faults, ns of wall time a fault on each vCPU",
                ["vCPUs", "axas", "speed-up", "KVM", "speed-up", "at least", "met"],
                [[title, number(axas), f"{up:.2f}", number(kvm), f"{kvm_up:.2f}",
                  "1.80" if title == "2 of 2 CPUs" else "-",
                  ("yes" if up >= 1.8 else "no") if title == "2 of 2 CPUs" else "-"]
                 for title, axas, up, kvm, kvm_up in self.parallel_rows()]))
        if self.native_rows():
            result.append((
                "Native nanoseconds, frames at hand",
                ["operation", "least", "median", "with retpolines, least", "median", "crate"],
                self.native_rows()))
        return result

    def floors(self):
        return (f"The floor of a fault is an empty exit and entry, and zeroes for a page: "
                f"{self.floor_4k():,.0f} instructions for 4 KiB, "
                f"{self.floor_2m():,.0f} for 2 MiB.")


def print_tables(data):
    f = Figures(data)
    for title, heads, cells in f.tables():
        lines = [heads] + cells
        widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
        print(title)
        for line in lines:
            print("  " + "  ".join([line[0].ljust(widths[0])] +
                                   [line[i].rjust(widths[i]) for i in range(1, len(heads))]))
        print()
    if f.count:
        print(f.floors())


class Tap:
    def __init__(self):
        self.nr = self.failed = 0

    def say(self, good, name, why=""):
        self.nr += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.nr} {name}{'' if good else why}")


def update(data, path):
    baseline = load(path) if os.path.exists(path) else {"kernels": {}}
    baseline["kernels"].update(data.pop("kernels"))
    baseline.update(data)
    with open(path, "w", encoding="ascii") as file:
        json.dump(baseline, file, indent=1, sort_keys=True)
        file.write("\n")


def ours(counts):
    return {name: value for name, value in counts.items()
            if not name.startswith(NOT_OURS) and not name.endswith(UNSTABLE + OTHER_MEMORY)
            and not any(text in name for text in OF_OTHERS)}


def check_mode(tap, mode, data, baseline):
    now, then = ours(data[mode]), ours(baseline.get(mode, {}))
    prefix = "" if mode == "instructions" else mode + " "
    kernels = [of["kernels"].get(mode) for of in (data, baseline)]
    if kernels[0] != kernels[1]:
        print(f"# this is {kernels[0]}, and the baseline was {kernels[1]}")
    for name in sorted(then):
        value = now.get(name)
        tap.say(value is not None and value <= then[name] * TOLERANCE + FEW.get(mode, 0),
                prefix + name, f": {number(value)}, at most 5 % over {number(then[name])}")
    for name in sorted(set(now) - set(then)):
        tap.say(False, prefix + name, ": is not in the baseline")


def check(data, baseline, readme, document):
    tap = Tap()
    for mode in COUNTED:
        if mode in data:
            check_mode(tap, mode, data, baseline)
    for path, text in ((readme, short(baseline)), (document, full(baseline))):
        old, new = with_part(path, text)
        tap.say(old == new, os.path.basename(path) + " has the figures of the baseline")
    print(f"1..{tap.nr}")
    return 1 if tap.failed else 0


BEGIN = "<!-- written by bench/report.py from bench/baseline.json -->\n"
END = "<!-- end of what bench/report.py writes -->\n"


def markdown(tables):
    lines = []
    for title, heads, cells in tables:
        lines += ["", f"**{title}**", "", "| " + " | ".join(heads) + " |",
                  "|" + " --- |" + " ---: |" * (len(heads) - 1)]
        lines += ["| " + " | ".join(line) + " |" for line in cells]
    return "\n".join(lines) + "\n"


def full(data):
    f = Figures(data)
    return f.floors() + "\n" + markdown(f.tables())


def short(data):
    """The README's extract: a line for each kind of operation."""
    f = Figures(data)
    rows = [row for row in f.guest_rows() + f.access_rows() + f.image_rows()
            if row.title in IN_README]
    return markdown([("Instructions of the host's kernel, one vCPU, Debian 6.1",
                      ["operation", "axas", "KVM", "/ KVM"],
                      [[IN_README[r.title], number(r.axas), number(r.kvm), r.ratio(r.kvm)]
                       for r in rows])])


IN_README = {
    "demand fault 4K": "demand fault, 4 KiB",
    "unmap 4K, a page": "unmap of a range, per 4 KiB page",
    "exit to the VMM and back": "exit to the VMM and back",
    "freeze and one clone, 2 GiB of 4 KiB leaves": "freeze of 2 GiB, and one clone",
    "first write to a page that was read":
        "first write to a page of a clone (KVM: MAP_PRIVATE of a memfd)",
}


def with_part(path, part):
    """A file's text, and the same with @part between its marks."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    head, rest = text.split(BEGIN)
    return text, head + BEGIN + part + END + rest.split(END)[1]


def write(data, readme, document):
    for path, text in ((readme, short(data)), (document, full(data))):
        new = with_part(path, text)[1]
        with open(path, "w", encoding="utf-8") as file:
            file.write(new)


SIZES = (("4k", 2 ** 12), ("64k", 2 ** 16), ("1m", 2 ** 20), ("2m", 2 ** 21), ("64m", 2 ** 26),
         ("1g", 2 ** 30), ("4g", 2 ** 32), ("8g", 2 ** 33), ("64g", 2 ** 36))


def plots(data, folder):
    f = Figures(data)
    c = f.count
    with open(os.path.join(folder, "fault"), "w", encoding="ascii") as file:
        for title, name, floor in (("4 KiB", "4k", f.floor_4k()), ("2 MiB", "2m", f.floor_2m())):
            file.write(f'"{title}" {floor} {c["axas.fault_" + name]} {c["kvm.fault_" + name]}\n')
    with open(os.path.join(folder, "size"), "w", encoding="ascii") as file:
        for name, size in SIZES:
            file.write(" ".join([str(size)] + [
                str(c[f"size.{what}.{name}"]) for what in
                ("map_lazy", "unmap_untouched", "first_fault", "linear_aligned")]) + "\n")


def load(path):
    with open(path, encoding="ascii") as file:
        return json.load(file)


def main(argv):
    commands = {
        "collect": lambda: collect(argv[2]),
        "table": lambda: print_tables(load(argv[2])),
        "check": lambda: check(load(argv[2]), load(argv[3]), argv[4], argv[5]),
        "update": lambda: update(load(argv[2]), argv[3]),
        "write": lambda: write(load(argv[2]), argv[3], argv[4]),
        "plots": lambda: plots(load(argv[2]), argv[3]),
    }
    if len(argv) < 3 or argv[1] not in commands:
        sys.exit("report.py " + "|".join(commands) + " ...")
    return commands[argv[1]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
