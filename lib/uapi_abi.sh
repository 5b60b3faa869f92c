#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# uapi_abi.sh [FLAG...]: print the binary interface of the user API as a compiler with these
# flags sees it: each constant with its value, then each member of each struct with its offset
# and its size. $CC is the compiler, UAPI the folder of the headers.

set -eu
case ${1:-} in
-h | --help) awk 'NR > 3 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; exit ;;
esac

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# Headers of the C library for other word sizes may be missing; the kernel's are the same.
compile() { ${CC:-gcc} -I"$UAPI" -idirafter "/usr/include/$(${CC:-gcc} -print-multiarch)" "$@"; }

printf '#include <axas/axas.h>\n#include <axas/vcpu.h>\n' >"$dir/api.c"
compile "$@" -E -dM "$dir/api.c" |
	sed -n 's/^#define \(AX\(AS\|VCPU\)_[A-Z0-9_]*\) ..*/\1/p' | sort >"$dir/names"
{
	cat "$dir/api.c"
	echo 'void constants(void)'
	echo '{'
	sed 's/.*/asm volatile("\\n->& %c0" : : "i" (&));/' "$dir/names"
	echo '}'
} >"$dir/constants.c"
compile "$@" -S -o "$dir/constants.s" "$dir/constants.c"
sed -n 's/^->//p' "$dir/constants.s"

compile "$@" -g -fno-eliminate-unused-debug-types -c -o "$dir/api.o" "$dir/api.c"
pahole -F dwarf "$dir/api.o" | awk '
$1 == "struct" && $3 == "{" { name = $2 }
name ~ /^ax(as|vcpu)_/ && match($0, /\/\* +[0-9]+ +[0-9]+ \*\/$/) {
	split(substr($0, RSTART), at)
	sub(/;.*/, "")
	sub(/^[ \t]+/, "")
	gsub(/[ \t]+/, " ")
	print name ": " $0 " at " at[2] ", " at[3]
}
name ~ /^ax(as|vcpu)_/ && /\/\* size: / {
	sub(/,.*/, "")
	print name ": size " $3
}'
