#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# report.py: what scripts/bench.sh makes of the rows that it measured.
#
#   collect FOLDER KERNEL        all rows of a run, as JSON
#   table JSON                   the table: axas, KVM, their ratio, the floor, the targets
#   check JSON BASELINE README   one line of TAP for each count and each file made from them
#   readme JSON README           write the README's part between its marks
#   plots JSON FOLDER            data files for gnuplot
#
# The rows are "NAME MEAN CLEAN DIRTY [MEDIAN]".

import json
import os
import sys

# A count may be this much above its baseline.
TOLERANCE = 1.05


def read_rows(path, column):
    """The rows of one mode; column is 1 for the mean, 4 for the median."""
    rows, failed = {}, []
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            words = line.split()
            if words and words[0] == "failed:":
                failed.append(line.strip())
            elif len(words) >= 4 and words[0] != "done":
                rows[words[0]] = float(words[min(column, len(words) - 1)])
    if failed or not rows:
        sys.exit("\n".join(failed or [path + ": no rows"]))
    return rows


def collect(folder, kernel):
    result = {"setup": {"kernel": kernel, "cpu": "EPYC,+svm,+npt,cx16=off (QEMU, TCG)",
                        "kernel_arguments": "mitigations=off init_on_alloc=0 nokaslr"}}
    for mode, column in (("instructions", 1), ("parallel", 1), ("native", 4)):
        path = os.path.join(folder, mode, "rows")
        if os.path.exists(path):
            result[mode] = read_rows(path, column)
    json.dump(result, sys.stdout, indent=1, sort_keys=True)
    print()


class Figures:
    """The figures of a run, by name, and what is made of them."""

    def __init__(self, data):
        self.data = data
        self.count = data.get("instructions", {})

    def get(self, name):
        return self.count.get(name)

    def floor_4k(self):
        return self.count["axas.exit_invd"] + self.count["floor.alloc_page_zeroed_charged"]

    def floor_2m(self):
        return self.count["axas.exit_invd"] + 512 * self.count["floor.clear_page"]


def row(title, axas, kvm=None, floor=None, target=None, what=""):
    return {"title": title, "axas": axas, "kvm": kvm, "floor": floor, "target": target,
            "what": what}


def rows(f):
    """What the table shows. A target is the most that axas may take."""
    c = f.count
    page = c["floor.alloc_page_zeroed_charged"]
    floor, floor_2m = f.floor_4k(), f.floor_2m()
    kvm = c.get("kvm.fault_4k", 0)
    memcpy = c["floor.memcpy_4k"]
    return [
        row("empty exit and entry (INVD)", "axas.exit_invd", "kvm.exit_invd"),
        row("exit and entry, CPUID", "axas.exit_cpuid", "kvm.exit_cpuid"),
        row("exit to the VMM and back", "axas.exit_to_user", "kvm.exit_to_user"),
        row("alloc_page, zeroed, charged", "floor.alloc_page_zeroed_charged"),
        row("demand fault 4K", "axas.fault_4k", "kvm.fault_4k", floor, min(kvm / 4, 1.3 * floor),
            "KVM / 4 and 1.3 floors"),
        row("demand fault 4K, uncharged", "axas.fault_4k_uncharged", "kvm.fault_4k_uncharged"),
        row("demand fault 2M", "axas.fault_2m", "kvm.fault_2m", floor_2m, 1.05 * floor_2m,
            "1.05 floors"),
        row("populate 4K, a page", "space.populate_4k", "kvm.populate_4k", page, 1.1 * page,
            "1.1 alloc_page"),
        row("populate 2M, a page", "space.populate_2m", "kvm.populate_2m"),
        row("unmap 4K, a page, vCPU attached", "axas.unmap_4k", "kvm.unmap_4k"),
        row("unmap 2M, a page, vCPU attached", "axas.unmap_2m", "kvm.unmap_2m"),
        row("protect 4K, a page, vCPU attached", "axas.protect_4k", "kvm.protect_4k"),
        row("protect 2M, a page, vCPU attached", "axas.protect_2m", "kvm.protect_2m"),
        row("table alone: populate, a page", "table.populate", target=40),
        row("table alone: unmap, a page", "table.unmap", target=25),
        row("table alone: linear 4K, a page", "table.linear_4k", target=10),
        row("table alone: unmap linear, a page", "table.unmap_linear_4k"),
        row("table alone: protect, a page", "table.protect", target=10),
        row("table alone: fault", "table.fault", target=155),
        row("table alone: fault, 64 areas", "table.fault_of_64_areas"),
        row("fault on a mapped page", "table.fault_spurious"),
        row("translate", "table.translate", target=60),
        row("translate, 64 areas", "table.translate_of_64_areas"),
        row("map_linear 1 GiB, aligned", "table.linear_1g_aligned"),
        row("map_alloc lazy, 4 KiB", "size.map_lazy.4k"),
        row("map_alloc lazy, 64 GiB", "size.map_lazy.64g",
            target=1.01 * c["size.map_lazy.4k"], what="as 4 KiB"),
        row("tables of 1 GiB in 4K leaves", "table.tables_of_populated_1g", target=2 ** 18 / 512 + 3),
        row("read 8 B in the kernel", "access.read_8"),
        row("read 64 B in the kernel", "access.read_64"),
        row("read 4 KiB in the kernel", "access.read_4k", target=1.15 * memcpy,
            what="1.15 memcpy"),
        row("read 1 MiB in the kernel", "access.read_1m"),
        row("write 8 B in the kernel", "access.write_8"),
        row("write 64 B in the kernel", "access.write_64"),
        row("write 4 KiB in the kernel", "access.write_4k"),
        row("write 1 MiB in the kernel", "access.write_1m"),
        row("pread 8 B", "paths.pread_8", "paths.process_vm_readv_8"),
        row("pread 64 B", "paths.pread_64", "paths.process_vm_readv_64"),
        row("pread 4 KiB", "paths.pread_4k", "paths.process_vm_readv_4k"),
        row("pread 1 MiB", "paths.pread_1m", "paths.process_vm_readv_1m"),
        row("pwrite 8 B", "paths.pwrite_8", "paths.process_vm_writev_8"),
        row("pwrite 64 B", "paths.pwrite_64", "paths.process_vm_writev_64"),
        row("pwrite 4 KiB", "paths.pwrite_4k", "paths.process_vm_writev_4k"),
        row("pwrite 1 MiB", "paths.pwrite_1m", "paths.process_vm_writev_1m"),
        row("create and drop a space, in the kernel", "space.create_drop"),
        row("create and drop a space, by ioctl", "axas.create_drop"),
    ]


def number(value, digits=0):
    return "-" if value is None else f"{value:,.{digits}f}"


def cells(f, r):
    """What a row of the table says, as text."""
    axas, kvm = f.get(r["axas"]), f.get(r["kvm"]) if r["kvm"] else None
    digits = 1 if axas is not None and axas < 100 else 0
    met = "" if r["target"] is None else "yes" if axas <= r["target"] else "NO"
    target = "-" if r["target"] is None else "<= " + number(r["target"])
    if r["what"]:
        target += f" ({r['what']})"
    return [r["title"], number(axas, digits), number(kvm),
            number(kvm and axas / kvm, 2), number(r["floor"] and axas / r["floor"], 2),
            target, met]


HEAD = ["operation", "axas", "KVM", "/ KVM", "/ floor", "target", "met"]


def table(data):
    f = Figures(data)
    if f.count:
        lines = [HEAD] + [cells(f, r) for r in rows(f) if f.get(r["axas"]) is not None]
        widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
        print("Instructions (the KVM of pread and pwrite is process_vm_readv and _writev):")
        for line in lines:
            print("  ".join([line[0].ljust(widths[0])] +
                            [line[i].rjust(widths[i]) for i in range(1, len(HEAD))]).rstrip())
        print(f"floor of a fault, 4K: {f.floor_4k():,.0f}, 2M: {f.floor_2m():,.0f}")
    for mode in ("parallel", "native"):
        if mode in data:
            print(f"\n{mode}:")
            for name, value in sorted(data[mode].items()):
                print(f"  {name:44} {value:12,.2f}")


def check(data, baseline, readme_path):
    now, then = data["instructions"], baseline["instructions"]
    failed = nr = 0
    for name in sorted(then):
        nr += 1
        value, limit = now.get(name), then[name] * TOLERANCE
        good = value is not None and value <= limit
        failed += not good
        print(f"{'ok' if good else 'not ok'} {nr} {name}"
              + ("" if good else f": {number(value, 1)}, and was {number(then[name], 1)}"))
    nr += 1
    good = readme_text(baseline, readme_path)[0] == readme_text(baseline, readme_path)[1]
    failed += not good
    print(f"{'ok' if good else 'not ok'} {nr} README.md says what bench/baseline.json does")
    print(f"1..{nr}")
    return 1 if failed else 0


BEGIN = "<!-- begin of what bench/report.py writes -->\n"
END = "<!-- end of what bench/report.py writes -->\n"


def how_fast(data):
    f = Figures(data)
    lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
    lines += ["| " + " | ".join(cells(f, r)) + " |" for r in rows(f)
              if f.get(r["axas"]) is not None and (r["kvm"] or r["target"])]
    return "\n".join(lines) + "\n"


def readme_text(data, path):
    """The README as it is, and as it should be."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    return text, head + BEGIN + how_fast(data) + END + tail


def readme(data, path):
    text = readme_text(data, path)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def load(path):
    with open(path, encoding="ascii") as file:
        return json.load(file)


def main(argv):
    command = argv[1] if len(argv) > 1 else ""
    if command == "collect":
        return collect(*argv[2:])
    if command == "table":
        return table(load(argv[2]))
    if command == "check":
        return check(load(argv[2]), load(argv[3]), argv[4])
    if command == "readme":
        return readme(load(argv[2]), argv[3])
    sys.exit("report.py collect|table|check|readme ...")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
