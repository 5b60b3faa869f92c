#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# initramfs.sh OUT SCRIPT FILE...: build a small root file system for a virtual machine, in
# the format for -initrd. It holds busybox, the FILEs in /axas with the shared libraries that
# programs of this machine among them need, and SCRIPT, which guest/init runs once the machine is
# up. It has no device nodes, so no root is needed.
#
# AXAS_BUSYBOX  the busybox to use, for another architecture than this machine's
# AXAS_TREE     a folder whose contents are added

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

main() {
	local out=${1:-} script=${2:-} root file

	takes 2 99 "$@"
	shift 2
	need_packages busybox-static cpio
	scratch root
	# A test that runs as nobody must be able to enter it.
	chmod 755 "$root"
	mkdir -p "$root"/{bin,axas,proc,sys,dev,tmp}
	cp "${AXAS_BUSYBOX:-/bin/busybox}" "$root/bin/busybox"
	cp "$AXAS_SCRIPTS/guest/init" "$root/init"
	cp "$AXAS_SCRIPTS/guest/lib.sh" "$root/axas/lib.sh"
	cp "$AXAS_SCRIPTS/guest/$script" "$root/axas/run"
	(($# == 0)) || cp -- "$@" "$root/axas/"
	for file in $(libraries "$@"); do
		install -D "$file" "$root$file"
	done
	[[ -z ${AXAS_TREE:-} ]] || cp -a "$AXAS_TREE/." "$root/"
	chmod 755 "$root/init" "$root/axas/run"
	mkdir -p "$(dirname "$out")"
	(cd "$root" && find . | sort | cpio --quiet -R 0:0 -o -H newc) | gzip -1 >"$out"
}

main "$@"
