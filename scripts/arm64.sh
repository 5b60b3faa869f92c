#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# arm64.sh: build the modules and the tests for arm64, boot Debian's stock kernel with
# them in QEMU, and run what guest/arm64.sh says: at EL2 on a CPU whose stage 2 decides
# about caches (FEAT_S2FWB) and on one whose does not, at EL1, and beside KVM.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

PREFIX=aarch64-linux-gnu-
# Memory that the kernel does not use, for linear areas: all from 2 GiB on.
WINDOW=(mem=1G AXAS_WINDOW=0x80000000)

# All is built with the tools of the suite that the kernel is of.
build() {
	"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$KDIR" CONSUMER=1 ARCH=arm64 \
		CROSS_COMPILE="$PREFIX"
	make_for "$KDIR" "$OUT/module" -C tests/arm64 CROSS_COMPILE="$PREFIX"
	make_for "$KDIR" "$OUT/module" -C tests/guests CROSS_COMPILE="$PREFIX"
	make_for "$KDIR" "$OUT/module" -C tools/axasctl CROSS_COMPILE="$PREFIX" \
		EXTRA_CFLAGS="${LIBS:+-I$LIBS/usr/include}" \
		EXTRA_LDFLAGS="${LIBS:+-L$LIBS/usr/lib/${PREFIX%-}}"
}

# boot NAME CASE: a machine, and what it found.
boot() {
	local name=$1 results

	AXAS_QEMU="-m 4G" AXAS_TIMEOUT=${AXAS_TIMEOUT:-1800} run_logged "$name" \
		"$OUT/$name/vm.log" "$AXAS_SCRIPTS/vm-arm64.sh" "$OUT/$name" "$KERNEL" \
		"$OUT/initramfs.gz" "${WINDOW[@]}" AXAS_CASE="$2" \
		AXAS_EFFORT="${AXAS_EFFORT:-short}" || true
	results=$("$AXAS_SCRIPTS/results.sh" "$name" "$OUT/$name")
	record "$results"
	tr -d '\r' <"$OUT/$name/guest.log" | grep -E -A 4 '^ *not ok ' || true
	grep -h -o '# s2: [0-9]* addresses compared.*' "$OUT/$name/kernel.log" || true
	grep '^fail ' <<<"$results" || true
	! grep -q '^fail ' <<<"$results"
}

main() {
	local module failed=0

	takes 0 0 "$@"
	OUT=$AXAS_LOGS/arm64
	lock "out-$(basename "$AXAS_LOGS")-arm64"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	need_packages qemu-system-arm
	kernel_set arm64 arm64 "$OUT/set"
	export OUT PREFIX KDIR LIBS AXAS_BUSYBOX=$BUSYBOX
	run_logged "arm64 build" "$OUT/build.log" build
	module=$OUT/module
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" arm64.sh "$module/axas.ko" \
		"$module/vcpu/axvcpu.ko" "$module/tests/hwwalk/axas_s2_test.ko" \
		"$module/tests/consumer/axas_consumer.ko" \
		"$module/tests/arm64/axvcpu_arm64_test" "$module/tools/axasctl/axasctl" \
		"$module"/tests/guests/*.elf
	boot arm64 all || failed=1
	AXAS_CPU=cortex-a76 boot arm64-without-fwb some || failed=1
	AXAS_EL2=off boot arm64-at-el1 none || failed=1
	AXAS_KVM=1 boot arm64-beside-kvm none || failed=1
	return "$failed"
}

main "$@"
