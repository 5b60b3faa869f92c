#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bochs.sh OUT KERNEL INITRAMFS [KERNEL-ARGUMENT...]: boot a kernel in Bochs, a PC with
# Intel's VMX and EPT all in software, and wait for its end. Contract and output are
# those of vm.sh: it succeeds when the guest's script ran to its end; what that found is
# in OUT/guest.log (and OUT/kernel.log, the kernel's own messages).
#
# AXAS_TIMEOUT  seconds until the machine is ended (default 600)
# AXAS_SHOW     not empty: show what the guest prints while it runs

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# How many instructions make a second of the machine's clock. Its CPUID tells of
# 3.5 GHz, hence tsc_early_khz.
IPS=50000000

# The kernel ends itself by a triple fault, which ends Bochs. Every message costs
# time on an emulated serial line: only warnings and worse come. Bochs 2.7 counts the
# compacted XSAVE area wrongly, at which the kernel warns: it must not use it. Stock
# kernels test their ciphers for half a minute here.
kernel_args() {
	echo "console=ttyS0,115200 panic=-1 oops=panic reboot=triple loglevel=5" \
		"tsc_early_khz=$((IPS / 1000)) nokaslr mitigations=off cryptomgr.notests=1 clearcpuid=xsaves,xsavec $*"
}

# Only what GRUB needs to load a kernel from a CD.
make_iso() {
	local out=$1 kernel=$2 initramfs=$3 root

	shift 3
	# GRUB would take memmap=16M$0x... for a variable.
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

# This build of Bochs has a debugger, which waits for a "c" and takes the end of its
# input for an order to quit.
bochs_run() {
	local out=$1

	mkfifo "$out/stdin"
	sed "s|@OUT@|$out|g;s|@IPS@|$IPS|" \
		"$AXAS_SCRIPTS/bochs/bochsrc" >"$out/bochsrc"
	echo c >"$out/continue"
	exec timeout --foreground -k 10 "${AXAS_TIMEOUT:-600}" \
		bochs -q -f "$out/bochsrc" -rc "$out/continue" <>"$out/stdin"
}

# What the guest says to people starts with "# ", its verdicts with "ok" or "not ok".
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
	# It listens on a VNC port.
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
