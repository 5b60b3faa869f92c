#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
#
# mutate.py list FILE...         all mutations of these files, one a line: ID<TAB>FILE:LINE<TAB>WHAT
# mutate.py sample N SEED FILE...  N of them, chosen by SEED: mostly the same ones as long as
#                                most lines are unchanged
# mutate.py apply ID FILE...     apply the mutation to its file
#
# A mutation changes one place of one line of code: a comparison, a condition, a sum, a
# constant, a barrier, or it deletes a statement. Its ID is a hash of file, line and change,
# stable as long as the line is unchanged. See mutate.sh.

import hashlib
import re
import sys

SWAPS = [
    (r' < ', ' <= '), (r' <= ', ' < '), (r' > ', ' >= '), (r' >= ', ' > '),
    (r' == ', ' != '), (r' != ', ' == '), (r' && ', ' || '), (r' \|\| ', ' && '),
    (r' \+ ', ' - '), (r' - ', ' + '), (r' \+= ', ' -= '), (r' -= ', ' += '),
    (r' << ', ' >> '), (r' >> ', ' << '), (r' & ', ' | '), (r' \| ', ' & '),
    (r' \+ 1\b', ''), (r' - 1\b', ''), (r'\+\+', '--'), (r'--', '++'),
    (r'\btrue\b', 'false'), (r'\bfalse\b', 'true'), (r'~', ''),
    (r'if \(', 'if (!'), (r'\bmin\(', 'max('), (r'\bmax\(', 'min('),
    (r'smp_store_release\(&([^,]*), ', r'WRITE_ONCE(\1, '),
    (r'smp_load_acquire\(&([^)]*)\)', r'READ_ONCE(\1)'),
    (r' \?: [^;,)]*', ''), (r'!(?=[a-z*])', ''),
]

# Lines with nothing to mutate, or whose mutations do not change executed code.
SKIP = re.compile(r'^\s*(#|\*|/[*/]|EXPORT_|MODULE_|static_assert|lockdep_|WARN_ON|__(acquire|release)\(|'
                  r'cond_resched|module_param|case .*:$|default:|BUILD_BUG)|unlikely\(|likely\(')
STATEMENT = re.compile(r'^\t+(?!return\b|goto\b|break\b|continue\b|struct\b|u\d+\b|int\b|unsigned\b|bool\b|'
                       r'const\b|long\b|size_t\b|ssize_t\b|enum\b|static\b|void\b|MA_STATE|LIST_HEAD|else\b)'
                       r'[a-zA-Z_*(].*;$')


def negate(line, match):
    """Turn if (X) into if (!(X)). None if the condition continues in the next line."""
    depth, start = 0, match.end() - 2 + 1
    for i in range(match.end() - 2 if line[match.end() - 2] == '(' else match.end() - 1, len(line)):
        if line[i] == '(':
            depth += 1
        elif line[i] == ')':
            depth -= 1
            if not depth:
                start = line.index('(', match.start())
                return line[:start] + '(!' + line[start:i + 1] + ')' + line[i + 1:]
    return None


def mutations_of(line):
    if SKIP.search(line) and 'unlikely(' not in line and 'likely(' not in line:
        return
    code = line.split('/*')[0].rstrip('\n')
    if re.match(r'^\s*(#|\*|/[*/]|EXPORT_|MODULE_|static_assert|lockdep_|WARN_ON)', code):
        return
    for pattern, new in SWAPS:
        for m in re.finditer(pattern, code):
            if pattern == r'if \(':
                changed = negate(code, m)
            else:
                changed = code[:m.start()] + m.expand(new) + code[m.end():]
            if changed and changed != code:
                yield f'{m.group(0).strip()} -> {m.expand(new).strip() or "nothing"}', changed
    if STATEMENT.match(code) and code.count('(') == code.count(')'):
        yield 'left out', re.match(r'^\t+', code).group(0) + ';'


def all_mutations(files):
    for name in files:
        seen = {}
        with open(name) as f:
            lines = f.readlines()
        comment = False
        for nr, line in enumerate(lines, 1):
            begins, ends = '/*' in line, '*/' in line
            if comment or (begins and line.lstrip().startswith('/*')):
                comment = (comment or begins) and not ends
                continue
            for what, changed in mutations_of(line):
                key = f'{name} {line.strip()} {what} {changed.strip()}'
                seen[key] = seen.get(key, 0) + 1
                ident = hashlib.sha1(f'{key} {seen[key]}'.encode()).hexdigest()[:10]
                yield ident, name, nr, what, changed, lines


def show(mutations):
    for ident, name, nr, what, changed, _ in mutations:
        print(f'{ident}\t{name}:{nr}\t{what}\t{changed.strip()}')


def main():
    if len(sys.argv) < 3:
        sys.exit('see the top of mutate.py')
    if sys.argv[1] == 'list':
        show(all_mutations(sys.argv[2:]))
        return
    if sys.argv[1] == 'sample':
        found = sorted(all_mutations(sys.argv[4:]),
                       key=lambda m: hashlib.sha1(f'{sys.argv[3]} {m[0]}'.encode()).digest())
        show(found[:int(sys.argv[2])])
        return
    for ident, name, nr, _, changed, lines in all_mutations(sys.argv[3:]):
        if ident == sys.argv[2]:
            lines[nr - 1] = changed + '\n'
            with open(name, 'w') as f:
                f.writelines(lines)
            return
    sys.exit(f'no mutation {sys.argv[2]}')


main()
