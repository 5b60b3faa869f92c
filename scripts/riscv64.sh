#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# riscv64.sh: build the modules and the tests for riscv64, boot Debian's stock kernel with
# them in QEMU, with and without the hypervisor extension, and run guest/riscv64.sh; also take
# the machine down under running guests. On Debian 12, which has no such kernel, a later
# Debian's is used.
#
# AXAS_SET  another kernel, named as in kernel-set.sh's table: with the extension only

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

NAME=${AXAS_SET:-riscv64}
PREFIX=riscv64-linux-gnu-
# Memory that the kernel does not use, for linear areas: from 3 GiB on.
WINDOW=(mem=1G "AXAS_WINDOW=0xc0000000,1G")

# Build everything with the tools of the kernel's own suite.
build() {
	"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$KDIR" CONSUMER=1 ARCH=riscv \
		CROSS_COMPILE="$PREFIX"
	# The tests load the modules a hundred times.
	find "$OUT/module" -name '*.ko' -exec "${PREFIX}strip" --strip-debug {} +
	make_for "$KDIR" "$OUT/module" -C tests/vcpu CROSS_COMPILE="$PREFIX"
	make_for "$KDIR" "$OUT/module" -C tests/guests CROSS_COMPILE="$PREFIX"
	make_for "$KDIR" "$OUT/module" -C tools/axasctl CROSS_COMPILE="$PREFIX" \
		EXTRA_CFLAGS="${LIBS:+-I$LIBS/usr/include}" \
		EXTRA_LDFLAGS="${LIBS:+-L$LIBS/usr/lib/${PREFIX%-}}"
}

# boot NAME CPU: run a machine, and print its findings.
boot() {
	local name=$1 results

	AXAS_CPU=$2 AXAS_QEMU="-m 2G" AXAS_TIMEOUT=${AXAS_TIMEOUT:-1800} run_logged "$name" \
		"$OUT/$name/vm.log" "$AXAS_SCRIPTS/vm-riscv64.sh" "$OUT/$name" "$KERNEL" \
		"$OUT/initramfs.gz" "${WINDOW[@]}" AXAS_EFFORT="${AXAS_EFFORT:-short}" || true
	results=$("$AXAS_SCRIPTS/results.sh" "$name" "$OUT/$name")
	record "$results"
	tr -d '\r' <"$OUT/$name/guest.log" | grep -E -A 4 '^ *not ok ' || true
	grep -h -o '# [0-9]* addresses compared.*' "$OUT/$name/kernel.log" || true
	grep '^fail ' <<<"$results" || true
	! grep -q '^fail ' <<<"$results"
}

# verdict NAME COMMAND...: record the command's status as a test.
verdict() {
	local name=$1

	shift
	if "$@" >&2; then
		record "pass $name"
	else
		record "fail $name"
		echo "fail $name"
		return 1
	fi
}

# down WAY WORDS: take a machine down under guests, with guest/reboot.sh; WORDS are the
# kernel's last message.
down() {
	local name=riscv64-$1 out=$OUT/riscv64-$1 rc=0

	AXAS_END="##axas guests run" AXAS_TIMEOUT=${AXAS_TIMEOUT:-600} run_logged "$name" \
		"$out/vm.log" "$AXAS_SCRIPTS/vm-riscv64.sh" "$out" "$KERNEL" "$OUT/down.gz" \
		AXAS_WAY="$1" || rc=$?
	verdict "$name: it ends as it should" test "$rc" = 0 || return
	verdict "$name: the kernel says so" said_after_mark "$out/kernel.log" "$2" || return
	AXAS_EXPECTED=$2 verdict "$name: the kernel log is clean" \
		"$AXAS_SCRIPTS/splats.sh" "$out/kernel.log"
}

# kvm_module: copy Debian's, for the test that KVM and axvcpu do not use the same CPUs.
kvm_module() {
	local file

	file=$(find "$MODULES" -name 'kvm.ko*' -print -quit)
	[[ $file ]] || die "$MODULES has no module kvm"
	cp "$file" "$OUT/"
	[[ $file != *.xz ]] || xz -d "$OUT/kvm.ko.xz"
}

main() {
	local module failed=0

	takes 0 0 "$@"
	OUT=$AXAS_LOGS/$NAME
	lock "out-$(basename "$AXAS_LOGS")-$NAME"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	need_packages "gcc-${PREFIX%-}" qemu-system-misc
	kernel_set "$NAME" "$NAME" "$OUT/set"
	export OUT PREFIX KDIR LIBS AXAS_BUSYBOX=$BUSYBOX
	run_logged "$NAME build" "$OUT/build.log" build
	kvm_module
	module=$OUT/module
	arrows_go_down "$NAME" "$module" || failed=1
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" riscv64.sh "$module/axas.ko" \
		"$module/vcpu/axvcpu.ko" "$module/tests/riscv/axas_gstage_test.ko" \
		"$module/tests/vcpu/axvcpu_test" "$OUT/kvm.ko" \
		"$module/tools/axasctl/axasctl" "$module"/tests/guests/*.elf
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/down.gz" reboot.sh "$module/axas.ko" \
		"$module/vcpu/axvcpu.ko" "$module/tools/axasctl/axasctl" \
		"$module/tests/guests/forever.elf"
	boot "$NAME" rv64,h=true || failed=1
	[[ -z ${AXAS_SET:-} ]] || return "$failed"
	down reboot 'reboot: Restarting system' || failed=1
	down panic 'Kernel panic - not syncing: sysrq triggered crash' || failed=1
	boot riscv64-without-h rv64,h=false || failed=1
	return "$failed"
}

main "$@"
