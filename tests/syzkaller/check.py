#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
check.py FOLDER DESCRIPTION HEADER...: compare a syzkaller description with the headers of the
user API. Prints a line for each finding:

 - syntax, as far as a reader of single lines can tell: declarations, the types that are used, their
   arguments, names that nothing declares, resources that no call makes, declarations without use;
 - a union that is not [varlen], although a member has no fixed size, or its bytes are counted; a
   member without a fixed size that is not the last of its struct; constants of Linux whose header
   is not included;
 - each ioctl, each struct that an ioctl takes, and each flag (1u << N) of a header is described;
 - each described struct has the fields of the header's, in order, and none else; a C program in
   FOLDER, which the compiler checks, compares each offset and size, and each constant that is used.

The language: docs/syscall_descriptions_syntax.md of syzkaller. Of its types only those are known
that the description uses; another one has to be added here.
"""
import re
import subprocess
import sys
from pathlib import Path

# Sizes of integers; a type is NAME[:BITS-less][...]. Pointers inside of structs are 64 bits.
INTS = {"int8": 1, "int16": 2, "int32": 4, "int64": 8}
# Types whose last argument is the integer that they are, and the number of arguments before it.
SIZED = {"const": 1, "flags": 1, "len": 1, "bytesize": 1}
BUILTIN_RESOURCES = {"fd": 4}
OPTIONS = ("opt", "in", "out", "inout")

# Where Linux has constants; "make extract" calls others undefined, and turns off what uses them.
LINUX = {"AT_": "uapi/linux/fcntl.h", "O_": "uapi/linux/fcntl.h", "MAP_": "uapi/linux/mman.h",
         "PROT_": "uapi/linux/mman.h", "SEEK_": "uapi/linux/fs.h"}

# What the headers have and a description does not need: masks and sums of flags.
COMPOUND = re.compile(r"_(MASK|FLAGS|POLICY)$")

findings = []


def finding(text):
    findings.append(text)


# ---- The headers

class Header:
    def __init__(self, paths):
        text = "".join(Path(path).read_text() for path in paths)
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        self.ioctls = re.findall(r"^#define\s+(\w+)\s+_IO\(", text, re.M)
        self.flags = [name for name in re.findall(r"^#define\s+(AX\w+)\s+\(1u << \d+\)", text, re.M)
                      if not COMPOUND.search(name)]
        self.names = set(re.findall(r"^#define\s+(AX\w+)", text, re.M))
        self.numbers = {name: int(number, 0) for name, number in
                        re.findall(r"^#define\s+(AX\w+)\s+(\d+)\s*$", text, re.M)}
        self.structs = {}
        for match in re.finditer(r"^struct (\w+) \{\n(.*?)^\};", text, re.M | re.S):
            self.structs[match[1]] = members(match[2])


def members(body):
    """The members of a struct in order; (name, None or the members of a named struct in it).
    Members of structs and unions without a name are those of the outer one."""
    found = []
    lines = iter(body.splitlines())
    stack = [found]
    for line in lines:
        line = line.strip()
        if re.match(r"(struct|union) \{", line):
            stack.append([])
        elif line.startswith("}"):
            inner = stack.pop()
            name = re.match(r"\}\s*(\w*)\s*;", line)[1]
            if name:
                stack[-1].append((name, inner))
            else:
                stack[-1].extend(inner)
        elif line:
            name = re.match(r".*?(\w+)(\[[^;]*\])?;$", line)
            stack[-1].append((name[1], None))
    return found


# ---- The description

class Type:
    """NAME[ARGUMENT, ...]"""

    def __init__(self, name, args):
        self.name = name
        self.args = args


def parse_type(text, where):
    text = text.strip()
    match = re.match(r"^([\w:$+\-\"/.]+)(\[(.*)\])?$", text, re.S)
    if not match:
        finding(f"{where}: '{text}' is no type")
        return Type("int8", [])
    args = [parse_type(part, where) for part in split(match[3])] if match[3] else []
    return Type(match[1], args)


def split(text):
    parts, depth, part = [], 0, ""
    for char in text:
        depth += (char in "[(") - (char in "])")
        if char == "," and not depth:
            parts.append(part)
            part = ""
        else:
            part += char
    return parts + [part]


class Description:
    def __init__(self, path, numbers):
        self.path = path
        self.numbers = numbers
        self.types = {}
        self.resources, self.flags, self.structs, self.unions, self.calls = {}, {}, {}, {}, []
        self.includes, self.varlen, self.used = set(), set(), set()
        self.constants = set()
        self.made = set()
        self.read(Path(path).read_text())

    def read(self, text):
        lines = iter(enumerate(text.splitlines(), 1))
        for number, line in lines:
            where = f"{self.path}:{number}"
            if not line.strip() or line.startswith("#"):
                continue
            if match := re.match(r"^include <([\w/.\-]+)>$", line):
                self.includes.add(match[1])
            elif match := re.match(r"^resource (\w+)\[(\w+)\](: .*)?$", line):
                self.declare(self.resources, match[1], match[2], where)
            elif match := re.match(r"^type (\w+) (.*)$", line):
                self.declare(self.types, match[1], parse_type(match[2], where), where)
            elif match := re.match(r"^(\w+) = (.*)$", line):
                self.declare(self.flags, match[1], [v.strip() for v in match[2].split(",")], where)
            elif match := re.match(r"^(\w+) ([{[])$", line):
                self.block(match[1], match[2], lines, where)
            elif match := re.match(r"^([\w$]+)\((.*)\)( \w+)?$", line):
                self.call(match, where)
            else:
                finding(f"{where}: what is '{line}'?")

    def declare(self, kind, name, what, where):
        if any(name in of for of in (self.resources, self.flags, self.structs, self.unions,
                                     self.types)):
            finding(f"{where}: {name} is declared twice")
        kind[name] = what

    def block(self, name, opening, lines, where):
        fields = []
        for number, line in lines:
            if line in ("}", "]", "] [varlen]"):
                if line[0] != {"{": "}", "[": "]"}[opening]:
                    finding(f"{where}: {name} ends with {line}")
                if line.endswith("[varlen]"):
                    self.varlen.add(name)
                break
            inner = f"{self.path}:{number}"
            match = re.match(r"^\t(\w+)\t+(\S.*?)(\t\((in|out|inout)\))?$", line)
            if not match:
                finding(f"{inner}: no field: '{line}'")
                continue
            fields.append((match[1], parse_type(match[2], inner)))
        if not fields:
            finding(f"{where}: {name} has no fields")
        self.declare(self.structs if opening == "{" else self.unions, name, fields, where)

    def call(self, match, where):
        params = []
        for part in split(match[2]) if match[2] else []:
            words = re.match(r"^\s*(\w+) (.*)$", part)
            if not words:
                finding(f"{where}: no parameter: '{part}'")
                continue
            params.append((words[1], parse_type(words[2], where)))
        if any(match[1] == name for name, _, _, _ in self.calls):
            finding(f"{where}: {match[1]} is described twice")
        self.calls.append((match[1], params, (match[3] or "").strip(), where))

    # -- what is used

    def value(self, name, where):
        if re.match(r"^(-?\d+|0x[0-9a-fA-F]+)$", name):
            return
        if not re.match(r"^[A-Z][A-Z0-9_]*$", name):
            finding(f"{where}: {name} is no constant")
            return
        self.constants.add(name)

    def use(self, kind, where, in_struct=True):
        """Check a type; return (size, alignment) or None if it has no fixed size."""
        name, args = kind.name, kind.args
        base = name.split(":")[0]
        if base in INTS:
            for arg in args:
                for end in arg.name.split(":"):
                    self.value(end, where)
            return INTS[base], INTS[base]
        if name in self.types:
            self.used.add(name)
            return self.use(self.types[name], where)
        if base in SIZED:
            return self.sized(kind, where, in_struct)
        if name in ("ptr", "ptr64"):
            if len(args) < 2 or args[0].name not in OPTIONS:
                finding(f"{where}: {name}[DIRECTION, TYPE]")
                return 8, 8
            self.use(args[1], where)
            if in_struct and name == "ptr":
                finding(f"{where}: in a struct of the user API a pointer is a ptr64")
            return 8, 8
        if name == "array":
            return self.array(args, where)
        if name in ("string", "stringnoz", "buffer", "vma", "fileoff"):
            return self.string(kind, where)
        if name in self.resources:
            self.used.add(name)
            while name in self.resources:
                name = self.resources[name]
            return (BUILTIN_RESOURCES[name], 4) if name in BUILTIN_RESOURCES else None
        if name in BUILTIN_RESOURCES:
            return 4, 4
        if name in self.structs or name in self.unions:
            first = name not in self.used
            self.used.add(name)
            return self.layout(name, where if first else None)
        finding(f"{where}: nothing declares {name}")
        return None

    def sized(self, kind, where, in_struct):
        name, args = kind.name, [a for a in kind.args if a.name != "opt"]
        if not args or len(args) != 1 + in_struct:
            finding(f"{where}: {name} wants {1 + in_struct} arguments")
            return 4, 4
        if name == "flags":
            if args[0].name not in self.flags:
                finding(f"{where}: nothing declares the flags {args[0].name}")
            else:
                self.used.add(args[0].name)
                for value in self.flags[args[0].name]:
                    self.value(value, where)
        elif name == "const":
            self.value(args[0].name, where)
        return self.use(args[1], where) if in_struct else (8, 8)

    def array(self, args, where):
        size = self.use(args[0], where)
        if len(args) == 1 or ":" in args[1].name:
            return None
        self.value(args[1].name, where)
        count = self.number(args[1].name)
        return (size[0] * count, size[1]) if size and count is not None else None

    def number(self, text):
        if re.match(r"^(\d+|0x[0-9a-f]+)$", text):
            return int(text, 0)
        return self.numbers.get(text)

    def string(self, kind, where):
        args = kind.args
        if kind.name in ("string", "stringnoz") and len(args) == 2:
            if args[0].name in self.flags:
                self.used.add(args[0].name)
            count = self.number(args[1].name)
            return (count, 1) if count else None
        return None

    def layout(self, name, where):
        """Size and alignment, as C has it."""
        fields = self.structs.get(name) or self.unions[name]
        offset = size = 0
        align = 1
        for field, kind in fields:
            known = self.use(kind, f"{self.path}: {name}.{field}")
            if known is None:
                if where and name not in self.varlen and (name in self.unions or
                                                          field != fields[-1][0]):
                    finding(f"{where}: {name}.{field} has no fixed size")
                return None
            align = max(align, known[1])
            if name in self.structs:
                offset = -(-offset // known[1]) * known[1] + known[0]
                size = offset
            else:
                size = max(size, known[0])
        return -(-size // align) * align, align

    def counted(self, name, fields):
        """bytesize of a union that is not [varlen] is that of its largest member."""
        for field, kind in fields.items():
            target = fields.get(kind.args[0].name) if kind.name == "bytesize" else None
            if target and target.name == "ptr64" and target.args[1].name in self.unions and \
               target.args[1].name not in self.varlen:
                finding(f"{self.path}: {name}.{field} is always that of the largest member of "
                        f"{target.args[1].name}")

    def offsets(self, name):
        """(field, offset, size, type) of each field of a struct or union."""
        offset = 0
        for field, kind in self.structs.get(name) or self.unions[name]:
            known = self.use(kind, f"{self.path}: {name}.{field}") or (0, 1)
            offset = -(-offset // known[1]) * known[1]
            yield field, offset, known[0], kind
            if name in self.structs:
                offset += known[0]

    def check(self):
        for name, params, made, where in self.calls:
            for param, kind in params:
                if kind.name == "ptr" and len(kind.args) > 1 and kind.args[1].name == "string":
                    continue
                self.use(kind, f"{where}: {param}", in_struct=False)
            if made:
                self.made.add(made)
                if made not in self.resources:
                    finding(f"{where}: nothing declares {made}")
        for name, fields in self.structs.items():
            self.counted(name, dict(fields))
        for name in sorted(self.constants):
            for prefix, include in LINUX.items():
                if name.startswith(prefix) and include not in self.includes:
                    finding(f"{self.path}: {name} is in {include}")
        for name in self.resources:
            if name not in self.made:
                finding(f"{self.path}: no call makes a {name}")
        for kind in (self.resources, self.flags, self.structs, self.unions, self.types):
            for name in kind:
                if name not in self.used:
                    finding(f"{self.path}: nobody uses {name}")


# ---- Both

def compare(header, text, program):
    ioctls = {}
    for name, params, _, where in text.calls:
        if not name.startswith("ioctl$"):
            continue
        command = params[1][1].args[0].name if len(params) > 1 and params[1][1].args else "?"
        ioctls.setdefault(command, []).append(name)
        if not name.startswith(f"ioctl${command}"):
            finding(f"{where}: {name} has the command {command}")
    for name in header.ioctls:
        if name not in ioctls:
            finding(f"{text.path}: the ioctl {name} is not described")
    for name in ioctls:
        if name not in header.ioctls:
            finding(f"{text.path}: there is no ioctl {name}")
    for name in header.flags:
        if name not in text.constants:
            finding(f"{text.path}: the flag {name} is not described")
    for name, fields in header.structs.items():
        if name not in text.structs:
            finding(f"{text.path}: struct {name} is not described")
            continue
        program.append(f"_Static_assert(sizeof(struct {name}) == {text.layout(name, None)[0]}, "
                       f"\"size of {name}\");")
        if described(text, name, name, fields, "", 0, program) != [f for f, _ in fields]:
            finding(f"{text.path}: {name} has not the fields of the header, in order: " +
                    " ".join(f for f, _ in fields))
    for name in sorted(text.constants):
        if name.startswith("AX") and name not in header.names:
            finding(f"{text.path}: no header has {name}")
        program.append(f"_Static_assert((long long){name} != -0x7fffffffffffffffLL, \"{name}\");")


def described(text, struct, name, fields, path, base, program):
    """Names of the fields of a described struct, those of nameless structs and unions among them."""
    known = dict(fields)
    found = []
    for field, offset, size, kind in text.offsets(name):
        inner = kind.name if kind.name in text.structs or kind.name in text.unions else None
        if field not in known:
            if not inner:
                found.append(f"{field}?")
                continue
            found += described(text, struct, inner, fields, path, base + offset, program)
            continue
        found.append(field)
        member = f"{path}{field}"
        program.append(f"_Static_assert(offsetof(struct {struct}, {member}) == {base + offset} && "
                       f"sizeof(((struct {struct} *)0)->{member}) == {size}, "
                       f"\"{struct}.{member}\");")
        if known[field] and inner:
            names = described(text, struct, inner, known[field], member + ".", base + offset,
                              program)
            if names != [f for f, _ in known[field]]:
                finding(f"{text.path}: {struct}.{member} has not the fields of the header")
    return found


def main():
    folder, path, headers = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    header = Header(headers)
    text = Description(path, header.numbers)
    text.check()
    program = ["#define _GNU_SOURCE", "#include <fcntl.h>", "#include <stddef.h>",
               "#include <sys/mman.h>", "#include <unistd.h>"]
    program += [f"#include \"{Path(header).resolve()}\"" for header in headers]
    compare(header, text, program)
    source = folder / "check.c"
    source.write_text("\n".join(program) + "\n")
    result = subprocess.run(["gcc", "-fsyntax-only", str(source)], capture_output=True, text=True,
                            check=False)
    findings.extend(line for line in result.stderr.splitlines() if "error" in line)
    for text in findings:
        print(text)


main()
