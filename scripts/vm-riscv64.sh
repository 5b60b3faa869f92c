#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vm-riscv64.sh OUT KERNEL INITRAMFS [KERNEL-ARGUMENT...]: as vm.sh, for a riscv64 machine
# with the hypervisor extension.
#
# AXAS_TIMEOUT  seconds until the machine is killed (default 600)
# AXAS_CPU      another CPU than rv64,h=true
# AXAS_END      text in guest.log that means success (default "##axas done")
# AXAS_QEMU     further options of QEMU, such as "-icount shift=0"

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# The board's only serial port is the kernel's, one on PCI is for the tests (ttyS1).
qemu() {
	local out=$1 kernel=$2 initramfs=$3

	shift 3
	# shellcheck disable=SC2086  # several words
	exec timeout --foreground -k 10 "${AXAS_TIMEOUT:-600}" qemu-system-riscv64 \
		-M virt -cpu "${AXAS_CPU:-rv64,h=true}" -smp 2 -m 1G -accel tcg \
		-nodefaults -display none -no-reboot ${AXAS_QEMU:-} \
		-serial "file:$out/kernel.log" \
		-chardev "file,id=guest,path=$out/guest.log" -device pci-serial,chardev=guest \
		-kernel "$kernel" -initrd "$initramfs" \
		-append "console=ttyS0 panic=-1 oops=panic softlockup_panic=1 ignore_loglevel log_buf_len=16M $*"
}

# QEMU 7.2's two CPUs occasionally hang between OpenSBI and Linux' first message, when none of
# the tested code is loaded. Seconds to wait, and the number of attempts.
START=90
TRIES=3

# starts PID LOG: wait until Linux begins to run.
starts() {
	local i

	for ((i = 0; i < START; i++)); do
		! grep -q 'Linux version' "$2" || return 0
		kill -0 "$1" 2>/dev/null || return 0
		sleep 1
	done
	return 1
}

# boot OUT KERNEL INITRAMFS...: run QEMU, and return its status.
boot() {
	local out=$1 pid try rc

	for ((try = 1; try <= TRIES; try++)); do
		: >"$out/kernel.log"
		: >"$out/guest.log"
		qemu "$@" >"$out/qemu.log" 2>&1 </dev/null &
		pid=$!
		AXAS_RUNNING=$pid
		if ! starts "$pid" "$out/kernel.log"; then
			log "Linux has not begun after $START s: once more"
			kill "$pid"
		fi
		rc=0
		wait "$pid" || rc=$?
		AXAS_RUNNING=
		! grep -q 'Linux version' "$out/kernel.log" || break
	done
	return "$rc"
}

main() {
	local out=${1:-} rc=0

	takes 3 99 "$@"
	need_packages qemu-system-misc
	mkdir -p "$out"
	boot "$@" || rc=$?
	if ((rc)) || ! grep -q "^${AXAS_END:-##axas done}" "$out/guest.log"; then
		log "the guest did not reach its end (qemu: $rc), its last words:"
		tail -n 25 "$out/kernel.log" | tr -d '\r' | sed 's/^/    | /' >&2
		tail -n 5 "$out/qemu.log" | sed 's/^/    | /' >&2
		return 1
	fi
}

main "$@"
