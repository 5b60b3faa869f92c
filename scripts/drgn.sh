#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# drgn.sh: run tools/drgn/axas.py as Documentation/tracing.md shows it, but for the kernel's path, on
# a kernel with debugging information (drgn.config): in the running machine, and after it on its
# memory dump. Spaces of all formats have leaves of all sizes, borrowed and protected ones; lists and
# tables must be what debugfs shows (guest/drgn.sh). What the page says that the commands print is
# compared, too.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

NAME=drgn
export OUT=$AXAS_LOGS/drgn
# Files as the page names them, in the machine and here: the folder /work of a Debian.
WORK=$OUT/debian/work

# shown KIND: in the part of the page about crashes, the block of commands, or what they print.
shown() {
	awk -v kind="$1" '
	/^## / { crash = /^## After a crash/ }
	!crash { next }
	/^```/ { inside = inside ? "" : /sh$/ ? "commands" : "output"; next }
	inside == kind { print }' "$AXAS_SRC/Documentation/tracing.md"
}

build() {
	"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$KDIR"
	"$AXAS_SCRIPTS/build-user.sh" "$OUT/user" tools/axasctl
}

# The second archive of the initramfs: what drgn needs of a Debian. It is not compressed: to
# decompress it takes an emulated CPU longer than QEMU to load it.
add_debian() {
	mkdir -p "$OUT"/debian/{proc,sys,dev,tmp} "$WORK/tools/drgn"
	tar -C "$ROOT" --exclude=usr/share/{doc,info,locale,man,perl} -cf - usr bin lib lib64 |
		tar -C "$OUT/debian" -xf -
	cp "$KDIR/vmlinux" "$OUT/module/axas.ko" "$WORK/"
	cp "$AXAS_SRC/tools/drgn/axas.py" "$WORK/tools/drgn/"
	(cd "$OUT" && find debian | cpio --quiet -R 0:0 -o -H newc) >>"$OUT/initramfs"
}

# The first command is without an ID, the second one the same with one. The list comes first.
initramfs() {
	mkdir -p "$OUT/files"
	formats | tr '\n' ' ' | sed 's/ $//' >"$OUT/files/formats"
	sed -n '1s/ -c vmcore / /p' "$OUT/commands" >"$OUT/files/shown"
	[[ -s $OUT/files/shown ]] || die "tracing.md shows no command"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs" drgn.sh "$OUT/module/axas.ko" \
		"$OUT/user/tools/axasctl/axasctl" "$OUT"/files/*
	# Archives begin at a multiple of 4.
	truncate -s %4 "$OUT/initramfs"
	add_debian
}

# Once the guest is done: dump its memory and end it, as the monitor does one after the other.
dump() {
	until grep -q '^##axas done' "$OUT/guest.log"; do
		kill -0 $$ || return
		sleep 1
	done
	printf '%s\n' "dump-guest-memory -p $WORK/vmcore" quit
}

machine() {
	local pid monitor rc=0

	: >"$OUT/guest.log"
	mkfifo "$OUT/monitor"
	exec {monitor}<>"$OUT/monitor"
	dump >&"$monitor" &
	pid=$!
	AXAS_MEMORY=3G AXAS_TIMEOUT=${AXAS_TIMEOUT:-3600} AXAS_MONITOR=$OUT/monitor \
		AXAS_QEMU="-device vmcoreinfo" run_logged "$NAME machine" "$OUT/vm.log" \
		"$AXAS_SCRIPTS/vm.sh" "$OUT" "$KDIR/arch/x86/boot/bzImage" "$OUT/initramfs" || rc=$?
	kill "$pid" 2>/dev/null || true
	exec {monitor}>&-
	return "$rc"
}

# debugfs list|ID: what it showed in the machine.
debugfs() { tr -d '\r' <"$OUT/guest.log" | sed -n "s/^##debugfs $1 //p"; }

# in_dump COMMAND: one that the page shows. A warning is among what it prints, and so a failure.
in_dump() { "$AXAS_SCRIPTS/in-root.sh" "$ROOT" "$WORK" sh -euc "$1"; }

lists_the_spaces() {
	in_dump "$(sed -n 1p "$OUT/commands")" >"$OUT/list" 2>&1 || return
	diff <(formats) <(cut -d' ' -f3 "$OUT/list") &&
		diff <(debugfs list) <(cut -d' ' -f1,2,4- "$OUT/list")
}

# walks_the_table ID
walks_the_table() {
	in_dump "$(sed -n 1p "$OUT/commands") $1" >"$OUT/table" 2>&1 || return
	[[ -s $OUT/table ]] && diff <(debugfs "$1") "$OUT/table"
}

prints_what_the_page_shows() {
	in_dump "$(sed -n 1p "$OUT/commands"); echo; $(sed -n 2p "$OUT/commands")" \
		>"$OUT/printed" 2>&1 || return
	diff <(shown output) "$OUT/printed"
}

# result NAME COMMAND...: record whether it succeeds, printing nothing else than differences.
result() {
	local name=$1

	shift
	if "$@" >"$OUT/result.log" 2>&1; then
		record "pass $NAME.vmcore: $name"
		return
	fi
	record "fail $NAME.vmcore: $name"
	log "fail $NAME.vmcore: $name"
	head -n 40 "$OUT/result.log"
	FAILED=1
}

main() {
	local format ids nr=0

	takes 0 0 "$@"
	FAILED=0
	lock "out-$(basename "$AXAS_LOGS")-$NAME"
	rm -rf "$OUT"
	mkdir -p "$WORK"
	need_build_packages
	need_packages qemu-system-x86 cpio
	KDIR=$("$AXAS_SCRIPTS/debug-kernel.sh" drgn)
	ROOT=$("$AXAS_SCRIPTS/debian-root.sh" - python3-drgn)
	export KDIR ROOT WORK
	shown commands | sed 's|/[^ ]*/vmlinux[^ ]*|vmlinux|' >"$OUT/commands"
	run_logged "$NAME module and axasctl" "$OUT/build.log" build
	run_logged "$NAME initramfs" "$OUT/initramfs.log" initramfs
	machine || true
	machine_results "$NAME" "$OUT" || FAILED=1
	result lists_the_spaces lists_the_spaces
	mapfile -t ids < <(debugfs list | cut -d' ' -f1)
	for format in $(formats); do
		result "walks_the_table $format" walks_the_table "${ids[nr++]:-none}"
	done
	result prints_what_the_page_shows prints_what_the_page_shows
	rm -rf "$OUT/debian" "$OUT/initramfs"
	return "$FAILED"
}

main "$@"
