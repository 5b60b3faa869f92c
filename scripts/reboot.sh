#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# reboot.sh [WAY...]: boot a machine with Debian's stock kernel for each way down, take it
# down while guests run on axvcpu, and check the result: no oops, the expected last message
# of the kernel, and, where a second kernel comes up, that it runs guests, too. Default: all
# of these WAYs:
#
#   reboot     reboot(2), without killing any process first
#   poweroff   the same, to power off
#   kexec      kexec -e
#   sysrq-b    an emergency restart, without notifiers
#   panic      a panic that restarts the machine
#   crash      a panic with a crash kernel, which must come up (kdump)
#   hotplug    a CPU goes offline and online again
#   mem        suspend to RAM (ACPI S3) and resume
#
# and only by name, as QEMU's power button was not seen to wake it:
#
#   freeze     suspend to idle and resume
#
# AXAS_ARCH     amd64 (default) or arm64, which has neither freeze nor mem here
# AXAS_TIMEOUT  seconds until a machine is killed (default 600)
# AXAS_CPU      another CPU, as in vm.sh and vm-arm64.sh
# AXAS_KERNEL   another kernel, by its name in kernel-set.sh: amd64-6.12, amd64-7.2, arm64-7.2

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

ARCH=${AXAS_ARCH:-amd64}
case $ARCH in
amd64)
	NAME=reboot VM=vm.sh
	WAYS=(reboot poweroff kexec sysrq-b panic crash hotplug mem)
	;;
arm64)
	NAME=reboot-arm64 VM=vm-arm64.sh
	WAYS=(reboot poweroff kexec sysrq-b panic crash hotplug)
	;;
*) die "no machine for $ARCH" ;;
esac

# Build the programs for another architecture, with the tools of its kernel's suite.
programs_for_arm64() {
	local folder prefix=aarch64-linux-gnu-

	copy_sources "$OUT/user"
	for folder in tests/guests tests/reboot tools/axasctl; do
		make_for "$KDIR" "$OUT/user" -C "$folder" CROSS_COMPILE=$prefix \
			EXTRA_CFLAGS="${LIBS:+-I$LIBS/usr/include}" \
			EXTRA_LDFLAGS="${LIBS:+-L$LIBS/usr/lib/${prefix%-}}"
	done
}

build() {
	local more=()

	mapfile -t more < <(cross_arguments "$ARCH")
	run_logged "$NAME module" "$OUT/build.log" "$AXAS_SCRIPTS/build-module.sh" \
		"$OUT/module" "$KDIR" CONSUMER=1 "${more[@]}"
	if [[ $ARCH == amd64 ]]; then
		run_logged "$NAME programs" "$OUT/build-user.log" \
			"$AXAS_SCRIPTS/build-user.sh" "$OUT/user"
	else
		run_logged "$NAME programs" "$OUT/build-user.log" programs_for_arm64
	fi
}

# The first kernel's root holds the second kernel and its initramfs.
initramfs() {
	local files

	files=("$OUT/module/axas.ko" "$OUT/module/vcpu/axvcpu.ko"
		"$OUT/user/tools/axasctl/axasctl" "$OUT"/user/tests/guests/{hello,forever}.elf
		"$OUT/user/tests/reboot/kexec")
	cp "$KERNEL" "$OUT/vmlinuz"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/second.gz" reboot.sh "${files[@]}"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" reboot.sh "${files[@]}" \
		"$OUT/second.gz" "$OUT/vmlinuz"
}

# The kernel's last message, or its message on the way, after the mark of guest/reboot.sh.
words_of() {
	case $1 in
	reboot) echo 'reboot: Restarting system' ;;
	poweroff) echo 'reboot: Power down' ;;
	kexec) echo 'kexec_core: Starting new kernel' ;;
	sysrq-b) echo 'sysrq: Resetting' ;;
	panic | crash) echo 'Kernel panic - not syncing: sysrq triggered crash' ;;
	hotplug) [[ $ARCH == arm64 ]] && echo 'psci: CPU1 killed' ||
		echo 'smpboot: CPU 1 is now offline' ;;
	freeze) echo 'PM: suspend entry (s2idle)' ;;
	mem) echo 'ACPI: PM: Waking up from system sleep state S3' ;;
	esac
}

# Output of guest/reboot.sh on its return, or from a second kernel.
end_of() {
	case $1 in
	kexec | crash) echo '##axas second kernel runs guests' ;;
	hotplug | freeze | mem) echo '##axas back' ;;
	*) echo '##axas guests run' ;;
	esac
}

# verdict WAY NAME COMMAND...: print a result.
verdict() {
	local name="$NAME.$1: $2"

	shift 2
	if "$@" >&2; then echo "pass $name"; else echo "fail $name"; fi
}

# wake WAY FOLDER: send the event repeatedly, as events before the suspend are lost.
wake() {
	local event=system_powerdown log=$2/kernel.log

	[[ $1 == freeze ]] || event=system_wakeup
	while sleep 2 && kill -0 $$; do
		! grep -q 'PM: suspend entry' "$log" || grep -q 'PM: suspend exit' "$log" ||
			echo $event >"$2/monitor"
	done
}

clean_log() {
	local expected=

	[[ $1 != panic && $1 != crash ]] || expected=$(words_of "$1")
	AXAS_EXPECTED=$expected "$AXAS_SCRIPTS/splats.sh" "$2/kernel.log"
}

# go WAY: run a machine, and record the results. A reset ends QEMU.
go() {
	local way=$1 out=$OUT/$1 args=() rc=0 waker='' results

	mkdir -p "$out"
	case $way in
	crash) args=(crashkernel=256M) ;;
	freeze | mem)
		args=(no_console_suspend)
		mkfifo "$out/monitor"
		export AXAS_MONITOR=$out/monitor
		wake "$way" "$out" <>"$out/monitor" &
		waker=$!
		;;
	esac
	AXAS_TIMEOUT=${AXAS_TIMEOUT:-600} AXAS_END=$(end_of "$way") run_logged "$NAME $way" \
		"$out/vm.log" "$AXAS_SCRIPTS/$VM" "$out" "$KERNEL" "$OUT/initramfs.gz" \
		AXAS_WAY="$way" "${args[@]}" || rc=$?
	unset AXAS_MONITOR
	[[ -z $waker ]] || kill "$waker"
	results=$(
		verdict "$way" "guests ran before" grep -q '^##axas guests run' "$out/guest.log"
		verdict "$way" "the kernel says so" said_after_mark "$out/kernel.log" "$(words_of "$way")"
		verdict "$way" "it ends as it should" test "$rc" = 0
		verdict "$way" "the kernel log is clean" clean_log "$way" "$out"
	)
	record "$results"
	grep '^fail ' <<<"$results" || true
	! grep -q '^fail ' <<<"$results"
}

main() {
	local way failed=0

	takes 0 99 "$@"
	OUT=$AXAS_LOGS/$NAME
	(($#)) || set -- "${WAYS[@]}"
	for way in "$@"; do
		[[ " ${WAYS[*]} " == *" $way "* ]] || die "no way $way; there are: ${WAYS[*]}"
	done
	lock "out-$(basename "$AXAS_LOGS")-$NAME"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	kernel_set "$NAME" "${AXAS_KERNEL:-$ARCH}" "$OUT/set"
	export AXAS_MEMORY=2G
	# With a thread for each CPU QEMU 7.2 rarely loses a guest's state, once in about 100,000
	# entries if guests alternate on a CPU: an entry that began with the guest's registers
	# ends in a nested page fault with the host's in the save area, or in a shutdown. So run
	# all CPUs in one thread.
	[[ $ARCH != amd64 ]] || export AXAS_ACCEL=${AXAS_ACCEL:-tcg,thread=single}
	[[ $ARCH == amd64 ]] || export AXAS_BUSYBOX=$BUSYBOX
	[[ $ARCH == amd64 ]] || need_packages qemu-system-arm
	build
	initramfs
	for way in "$@"; do
		go "$way" || failed=1
	done
	return "$failed"
}

main "$@"
