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

build() {
	local kdir libs target=${PREFIX%-}

	kdir=$("$AXAS_SCRIPTS/headers.sh" arm64)
	"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$kdir" CONSUMER=1 ARCH=arm64 \
		CROSS_COMPILE="$PREFIX"
	make -C "$OUT/module/tests/arm64" -j"$AXAS_JOBS" CROSS_COMPILE="$PREFIX"
	make -C "$OUT/module/tests/guests" -j"$AXAS_JOBS" CROSS_COMPILE="$PREFIX"
	libs=$("$AXAS_SCRIPTS/debs.sh" arm64 - libjson-c-dev libmd-dev)
	make -C "$OUT/module/tools/axasctl" -j"$AXAS_JOBS" CROSS_COMPILE="$PREFIX" \
		EXTRA_CFLAGS="-I$libs/usr/include" EXTRA_LDFLAGS="-L$libs/usr/lib/$target"
}

# boot NAME CASE: a machine, and what it found.
boot() {
	local name=$1 results

	AXAS_QEMU="-m 4G" AXAS_TIMEOUT=${AXAS_TIMEOUT:-1800} run_logged "$name" \
		"$OUT/$name/vm.log" "$AXAS_SCRIPTS/vm-arm64.sh" "$OUT/$name" "$KERNEL" \
		"$OUT/initramfs.gz" "${WINDOW[@]}" AXAS_CASE="$2" || true
	results=$("$AXAS_SCRIPTS/results.sh" "$name" "$OUT/$name")
	record "$results"
	tr -d '\r' <"$OUT/$name/guest.log" | grep -E -A 4 '^ *not ok ' || true
	grep -h -o '# s2: [0-9]* addresses compared.*' "$OUT/$name/kernel.log" || true
	grep '^fail ' <<<"$results" || true
	! grep -q '^fail ' <<<"$results"
}

main() {
	local module failed=0

	OUT=$AXAS_LOGS/arm64
	export OUT PREFIX
	lock "out-$(basename "$AXAS_LOGS")-arm64"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	need_packages "gcc-${PREFIX%-}" libc6-dev-arm64-cross qemu-system-arm
	KERNEL=$("$AXAS_SCRIPTS/stock-kernel.sh" arm64)
	AXAS_BUSYBOX=$("$AXAS_SCRIPTS/debs.sh" arm64 - busybox-static)/bin/busybox
	[[ -f $AXAS_BUSYBOX ]] || AXAS_BUSYBOX=${AXAS_BUSYBOX%/bin/busybox}/usr/bin/busybox
	export AXAS_BUSYBOX
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
