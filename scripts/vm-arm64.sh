#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vm-arm64.sh OUT KERNEL INITRAMFS [KERNEL-ARGUMENT...]: as vm.sh, for an arm64 machine
# whose kernel starts at EL2.
#
# AXAS_TIMEOUT  seconds until the machine is killed (default 600)
# AXAS_CPU      another CPU than max,pauth-impdef=on
# AXAS_EL2      off: the kernel starts at EL1
# AXAS_MACHINE  further options of the machine, such as mte=on
# AXAS_KVM      not empty: KVM is enabled
# AXAS_MEMORY   memory of the machine (default 1G)
# AXAS_END      text in guest.log that means success (default: the script's end)
# AXAS_QEMU     further options of QEMU, such as "-icount shift=0"

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# The board's serial port is the kernel's, one on PCI is for the tests. KVM is disabled by
# default.
# pauth-impdef: the architected algorithm of pointer authentication takes half the run time.
qemu() {
	local out=$1 kernel=$2 initramfs=$3 kvm=kvm-arm.mode=none

	shift 3
	[[ -z ${AXAS_KVM:-} ]] || kvm=
	# shellcheck disable=SC2086  # several words
	exec timeout --foreground -k 10 "${AXAS_TIMEOUT:-600}" qemu-system-aarch64 \
		-M "virt,gic-version=3,virtualization=${AXAS_EL2:-on}${AXAS_MACHINE:+,$AXAS_MACHINE}" \
		-cpu "${AXAS_CPU:-max,pauth-impdef=on}" -smp 2 -m "${AXAS_MEMORY:-1G}" -accel tcg \
		-nodefaults -display none -no-reboot ${AXAS_QEMU:-} \
		-serial "file:$out/kernel.log" \
		-chardev "file,id=guest,path=$out/guest.log" -device pci-serial,chardev=guest \
		-kernel "$kernel" -initrd "$initramfs" \
		-append "console=ttyAMA0 panic=-1 oops=panic softlockup_panic=1 ignore_loglevel log_buf_len=16M \
			$kvm AXAS_TTY=ttyS0 $*"
}

main() {
	local out=${1:-} pid rc=0

	takes 3 99 "$@"
	need_packages qemu-system-arm
	mkdir -p "$out"
	: >"$out/kernel.log"
	: >"$out/guest.log"
	qemu "$@" >"$out/qemu.log" 2>&1 </dev/null &
	pid=$!
	AXAS_RUNNING=$pid
	wait "$pid" || rc=$?
	AXAS_RUNNING=
	if ((rc)) || ! grep -q "${AXAS_END:-^##axas done}" "$out/guest.log"; then
		log "the guest did not reach its end (qemu: $rc), its last words:"
		tail -n 25 "$out/kernel.log" | tr -d '\r' | sed 's/^/    | /' >&2
		tail -n 5 "$out/qemu.log" | sed 's/^/    | /' >&2
		return 1
	fi
}

main "$@"
