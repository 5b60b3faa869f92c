#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vm.sh OUT KERNEL INITRAMFS [KERNEL-ARGUMENT...]: boot a kernel in QEMU and wait for
# its end. It succeeds if the guest's script ran to its end; the script's output is in
# OUT/guest.log, the kernel's messages are in OUT/kernel.log. If KERNEL is "-", the firmware
# boots a disk, and the kernel's arguments are that disk's affair.
#
# AXAS_ACCEL    tcg (default), tcg with options, or kvm; /dev/kvm is never opened
#               unless requested
# AXAS_TIMEOUT  seconds until the machine is killed (default 600)
# AXAS_MEMORY   memory of the machine (default 1G)
# AXAS_CPUS     number of CPUs (default: 2 for user space, beside the first one)
# AXAS_CPU      another CPU than an EPYC with nested paging
# AXAS_END      text in guest.log that means success (default: the script's end)
# AXAS_MONITOR  a named pipe from which QEMU's monitor reads commands
# AXAS_QEMU     further options of QEMU, separated by spaces
# AXAS_SHOW     not empty: show the guest's output while it runs
# AXAS_CONSOLE  not empty: the guest's second serial line is this terminal

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# softlockup_panic: a CPU that is stuck does not recover here; what the panic prints says where.
# no_timer_check: at boot the kernel tests the timer interrupt against a delay loop; on a busy
# host that test fails, and the kernel panics.
# rdpid: newer EPYCs have it, and guests must not read the host's CPU number by it.
# cx16=off: QEMU 7.2's emulation of cmpxchg16b occasionally breaks the kernel's SLUB.
# isolcpus=0: guests run on the other CPUs. XRSTOR on one of these clears a bit in the first CPU's
# hflags2, and not atomically (QEMU's cpu_clear_ignne()): a VMRUN or #VMEXIT on the first CPU now
# and then loses its change of HF2_NPT. The guest runs without nested paging then, or the host
# with it.
qemu() {
	local out=$1 kernel=$2 initramfs=$3 more guest=(-serial "file:$1/guest.log")
	local cpus=${AXAS_CPUS:-2} isolated='' boot=()

	# Not if one thread emulates all CPUs.
	[[ -n ${AXAS_CPUS:-} || ${AXAS_ACCEL:-} == *thread=single ]] || cpus=3 isolated=isolcpus=0
	shift 3
	[[ -z ${AXAS_CONSOLE:-} ]] ||
		guest=(-chardev "stdio,id=guest,signal=off,logfile=$out/guest.log" -serial chardev:guest)
	[[ $kernel == - ]] ||
		boot=(-kernel "$kernel" -initrd "$initramfs" -append "console=ttyS0 panic=-1 \
			oops=panic softlockup_panic=1 ignore_loglevel log_buf_len=16M no_timer_check $isolated $*")
	read -ra more <<<"${AXAS_QEMU:-}"
	[[ -z ${AXAS_MONITOR:-} ]] || more+=(-monitor stdio)
	exec timeout --foreground -k 10 "${AXAS_TIMEOUT:-600}" qemu-system-x86_64 \
		-M q35 -cpu "${AXAS_CPU:-EPYC,+svm,+npt,+rdpid},cx16=off" \
		-smp "$cpus" -m "${AXAS_MEMORY:-1G}" \
		-accel "${AXAS_ACCEL:-tcg}" -nodefaults -display none -no-reboot "${more[@]}" \
		-serial "file:$out/kernel.log" "${guest[@]}" \
		"${boot[@]}"
}

# The guest's comments start with "# ", its verdicts with "ok" or "not ok".
show() {
	tail -n +1 -F --pid="$1" "$2" 2>/dev/null | tr -d '\r' | grep -v --line-buffered '^##'
}

main() {
	local out=${1:-} pid rc=0

	takes 3 99 "$@"
	need_packages qemu-system-x86
	mkdir -p "$out"
	: >"$out/kernel.log"
	: >"$out/guest.log"
	if [[ -n ${AXAS_CONSOLE:-} ]]; then
		(qemu "$@" 2>"$out/qemu.log") || rc=$?
	else
		qemu "$@" >"$out/qemu.log" 2>&1 <>"${AXAS_MONITOR:-/dev/null}" &
		pid=$!
		AXAS_RUNNING=$pid
		[[ -z ${AXAS_SHOW:-} ]] || show "$pid" "$out/guest.log" || true
		wait "$pid" || rc=$?
		AXAS_RUNNING=
	fi
	if ((rc)) || ! grep -q "${AXAS_END:-^##axas done}" "$out/guest.log"; then
		log "the guest did not reach its end (qemu: $rc), its last words:"
		tail -n 25 "$out/kernel.log" | tr -d '\r' | sed 's/^/    | /' >&2
		tail -n 5 "$out/qemu.log" | sed 's/^/    | /' >&2
		return 1
	fi
}

main "$@"
