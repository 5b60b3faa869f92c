#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# abi_test.sh LIBAXAS.SO: the library's interface and the user API's are the committed ones, as
# TAP: symbols against libaxas.map and libaxas.h; values, sizes and offsets, for 64-bit and
# 32-bit programs, against uapi.abi; and the headers compile as C++. $CC and $UAPI as for
# uapi_abi.sh.

# shellcheck disable=SC2317  # functions are called by ok
case ${1:-} in
-h | --help) awk 'NR > 3 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; exit ;;
esac

lib=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
nr=0 failed=0

# ok NAME COMMAND...
ok() {
	name=$1
	shift
	nr=$((nr + 1))
	if "$@" >"$tmp/out" 2>&1; then
		echo "ok $nr - $name"
	else
		echo "not ok $nr - $name"
		sed 's/^/# /' "$tmp/out"
		failed=1
	fi
}

# The versions are symbols, too.
exported() { nm -D --defined-only "$lib" | awk '$2 == "T" { print $3 }' | sort; }
listed() {
	awk '/^LIBAXAS_/ { version = $1 }
	/^\t[a-z]/ { sub(/;/, ""); print $1 "@@" version }' libaxas.map | sort
}

declared() {
	$CC -E -P -I"$UAPI" libaxas.h | tr '\n' ' ' |
		grep -oE '\<ax(as|vcpu)_[a-z0-9_]+\(' | tr -d '(' | sort -u
}

symbols_are_the_listed_ones() {
	exported >"$tmp/exported"
	listed >"$tmp/listed"
	[ -s "$tmp/listed" ] && diff "$tmp/listed" "$tmp/exported"
}

header_declares_what_is_exported() {
	declared >"$tmp/declared"
	sed 's/@.*//' "$tmp/exported" | diff "$tmp/declared" -
}

name_has_its_version() {
	[ "$(objdump -p "$lib" | awk '$1 == "SONAME" { print $2 }')" = libaxas.so.1 ]
}

# A value that was there must stay; what is new is committed by "make abi".
api_is_the_committed_one() {
	./uapi_abi.sh "$@" >"$tmp/abi" || return 1
	[ "$(wc -l <"$tmp/abi")" -gt 500 ] && diff uapi.abi "$tmp/abi"
}

# c_plus_plus HEADER FLAG...: nothing but the header, without a warning.
c_plus_plus() {
	printf '#include <%s>\n' "$1" >"$tmp/h.cc"
	shift
	"${CC%gcc}g++" -Wall -Wextra -Werror -I. -I"$UAPI" "$@" \
		-c -o "$tmp/h.o" "$tmp/h.cc"
}

# Linked by C++, as a program does it.
c_plus_plus_links() {
	cat >"$tmp/p.cc" <<-EOT
		#include <libaxas.h>
		int main() { return axas_open("/nonexistent") == -2 && axvcpu_exit_name(1) ? 0 : 1; }
	EOT
	"${CC%gcc}g++" -I. -I"$UAPI" -o "$tmp/p" "$tmp/p.cc" "$lib" &&
		LD_LIBRARY_PATH=$(dirname "$lib") "$tmp/p"
}

ok symbols_are_the_listed_ones symbols_are_the_listed_ones
ok header_declares_what_is_exported header_declares_what_is_exported
ok name_has_its_version name_has_its_version
ok api_is_the_committed_one api_is_the_committed_one
case $($CC -dumpmachine) in
x86_64-*) ok api_is_the_same_for_32_bits api_is_the_committed_one -m32 ;;
esac
for header in libaxas.h axas/axas.h axas/vcpu.h; do
	for std in 11 20; do
		ok "header_is_clean_c++$std $header" c_plus_plus "$header" "-std=c++$std"
	done
done
ok c_plus_plus_links c_plus_plus_links
echo "1..$nr"
exit $failed
