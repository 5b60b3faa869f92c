#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# riscv64.sh: build the modules and the tests for riscv64, boot Debian's stock kernel with
# them in QEMU, once with the hypervisor extension and once without, and run what
# guest/riscv64.sh says. On Debian 12, which has no such kernel, it is Debian 13's.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

PREFIX=riscv64-linux-gnu-

suite_of_debian() {
	local release

	release=$(sed -n 's/^VERSION_ID="\{0,1\}\([0-9]*\).*/\1/p' /etc/os-release)
	if [[ $release == 12 ]]; then echo trixie; else echo -; fi
}

# The command line. Debian 12 has no libraries for riscv64; its linker does not relax what
# Debian 13's compiler made, and its C library has other names for two functions.
build_axasctl() {
	local libs target=${PREFIX%-} ldflags

	libs=$("$AXAS_SCRIPTS/debs.sh" riscv64 "$SUITE" libjson-c-dev libmd-dev)
	ldflags=-L$libs/usr/lib/$target
	if [[ $SUITE != - ]]; then
		ldflags+=" -Wl,--no-relax -Wl,--defsym=__isoc23_strtoll=strtoll"
		ldflags+=" -Wl,--defsym=__isoc23_strtoull=strtoull"
	fi
	make -C "$OUT/module/tools/axasctl" -j"$AXAS_JOBS" CROSS_COMPILE="$PREFIX" \
		EXTRA_CFLAGS="-I$libs/usr/include" EXTRA_LDFLAGS="$ldflags"
}

build() {
	local kdir

	kdir=$("$AXAS_SCRIPTS/headers.sh" riscv64 6.12 "$SUITE")
	# Our pahole lacks options of Debian 13's, hence no BTF.
	"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$kdir" CONSUMER=1 ARCH=riscv \
		CROSS_COMPILE="$PREFIX" CC="${PREFIX}gcc" CONFIG_DEBUG_INFO_BTF_MODULES=
	# The machine reads them a hundred times.
	find "$OUT/module" -name '*.ko' -exec "${PREFIX}strip" --strip-debug {} +
	make -C "$OUT/module/tests/riscv/vcpu" -j"$AXAS_JOBS" CROSS_COMPILE="$PREFIX"
	make -C "$OUT/module/tests/guests" -j"$AXAS_JOBS" CROSS_COMPILE="$PREFIX"
	build_axasctl
}

# boot NAME CPU: a machine, and what it found.
boot() {
	local name=$1 results

	AXAS_CPU=$2 AXAS_TIMEOUT=${AXAS_TIMEOUT:-1800} run_logged "$name" "$OUT/$name/vm.log" \
		"$AXAS_SCRIPTS/vm-riscv64.sh" "$OUT/$name" "$KERNEL" "$OUT/initramfs.gz" || true
	results=$("$AXAS_SCRIPTS/results.sh" "$name" "$OUT/$name")
	record "$results"
	tr -d '\r' <"$OUT/$name/guest.log" | grep -E -A 4 '^ *not ok ' || true
	grep -h -o '# [0-9]* addresses compared.*' "$OUT/$name/kernel.log" || true
	grep '^fail ' <<<"$results" || true
	! grep -q '^fail ' <<<"$results"
}

main() {
	local module failed=0

	OUT=$AXAS_LOGS/riscv64
	SUITE=$(suite_of_debian)
	export OUT SUITE PREFIX
	lock "out-$(basename "$AXAS_LOGS")-riscv64"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	need_packages "gcc-${PREFIX%-}" libc6-dev-riscv64-cross qemu-system-misc
	KERNEL=$("$AXAS_SCRIPTS/stock-kernel.sh" riscv64 "$SUITE")
	AXAS_BUSYBOX=$("$AXAS_SCRIPTS/debs.sh" riscv64 "$SUITE" busybox-static)/usr/bin/busybox
	export AXAS_BUSYBOX
	[[ -f $AXAS_BUSYBOX ]] || AXAS_BUSYBOX=${AXAS_BUSYBOX/usr/}
	run_logged "riscv64 build" "$OUT/build.log" build
	module=$OUT/module
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" riscv64.sh "$module/axas.ko" \
		"$module/vcpu/axvcpu.ko" "$module/tests/riscv/axas_gstage_test.ko" \
		"$module/tests/riscv/vcpu/axvcpu_riscv_test" \
		"$module/tools/axasctl/axasctl" "$module"/tests/guests/*.elf
	boot riscv64 rv64,h=true || failed=1
	boot riscv64-without-h rv64,h=false || failed=1
	return "$failed"
}

main "$@"
