#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bochs.sh OUT KERNEL INITRAMFS [KERNEL-ARGUMENT...]: boot a kernel in Bochs, a PC with
# Intel's VMX and EPT emulated in software, and wait for its end. Interface and output are
# those of vm.sh: it succeeds if the guest's script ran to its end; the script's output is
# in OUT/guest.log, the kernel's messages are in OUT/kernel.log.
#
# AXAS_TIMEOUT  seconds until the machine is killed (default 600)
# AXAS_SHOW     not empty: show the guest's output while it runs

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# Instructions per second of the machine's clock. Its CPUID reports 3.5 GHz, hence
# tsc_early_khz.
IPS=50000000

# The kernel ends by a triple fault, which ends Bochs. Each message costs time on the emulated
# serial line: only warnings and worse are printed. Bochs 2.7 miscounts the compacted XSAVE
# area, and the kernel warns of that: XSAVES is disabled. Stock kernels would test their ciphers
# for half a minute.
kernel_args() {
	echo "console=ttyS0,115200 panic=-1 oops=panic reboot=triple loglevel=5" \
		"tsc_early_khz=$((IPS / 1000)) nokaslr mitigations=off cryptomgr.notests=1 clearcpuid=xsaves,xsavec $*"
}

# Only the parts of GRUB that load a kernel from a CD.
make_iso() {
	local out=$1 kernel=$2 initramfs=$3 root

	shift 3
	# GRUB would expand the $0x of memmap=16M$0x... as a variable.
	set -- "${@//\$/\\$}"
	scratch root
	mkdir -p "$root/boot/grub"
	cp "$kernel" "$root/boot/vmlinuz"
	cp "$initramfs" "$root/boot/initramfs.gz"
	cat >"$root/boot/grub/grub.cfg" <<-EOT
		set timeout=0
		linux /boot/vmlinuz $(kernel_args "$@")
		initrd /boot/initramfs.gz
		boot
	EOT
	grub-mkrescue -o "$out/boot.iso" --directory=/usr/lib/grub/i386-pc \
		--install-modules="linux normal iso9660 biosdisk" --themes= --fonts= \
		--locales= "$root" >"$out/grub.log" 2>&1 || { cat "$out/grub.log" >&2; return 1; }
}

# This build of Bochs has a debugger, which waits for a "c" and quits at the end of its
# input.
bochs_run() {
	local out=$1

	mkfifo "$out/stdin"
	sed "s|@OUT@|$out|g;s|@IPS@|$IPS|" \
		"$AXAS_SCRIPTS/bochs/bochsrc" >"$out/bochsrc"
	echo c >"$out/continue"
	exec timeout --foreground -k 10 "${AXAS_TIMEOUT:-600}" \
		bochs -q -f "$out/bochsrc" -rc "$out/continue" <>"$out/stdin"
}

# The guest's comments start with "# ", its verdicts with "ok" or "not ok".
show() {
	tail -n +1 -F --pid="$1" "$2" 2>/dev/null | tr -d '\r' | grep -v --line-buffered '^##'
}

main() {
	local out pid rc=0

	takes 3 99 "$@"
	need_packages bochs bochsbios vgabios grub-pc-bin grub-common xorriso mtools
	mkdir -p "$1"
	out=$(cd "$1" && pwd -P)
	shift
	rm -f "$out/stdin"
	: >"$out/kernel.log"
	: >"$out/guest.log"
	make_iso "$out" "$@"
	# Bochs listens on a VNC port.
	lock bochs
	bochs_run "$out" >"$out/bochs.out" 2>&1 &
	pid=$!
	AXAS_RUNNING=$pid
	[[ -z ${AXAS_SHOW:-} ]] || show "$pid" "$out/guest.log" || true
	wait "$pid" || rc=$?
	AXAS_RUNNING=
	rm -f "$out/boot.iso" "$out/stdin" "$out/continue"
	if ! grep -q '^##axas done' "$out/guest.log"; then
		log "the guest did not reach its end (bochs: $rc), its last words:"
		tail -n 25 "$out/kernel.log" | tr -d '\r' | sed 's/^/    | /' >&2
		tail -n 5 "$out/bochs.log" | sed 's/^/    | /' >&2
		return 1
	fi
}

main "$@"
