#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vm-check.sh debug|stock|newer: build the module and the test programs, boot them in QEMU,
# and run what guest/check.sh says. debug is a kernel with every check on, and has the
# KUnit suites as a module; stock is Debian's kernel as it is distributed; newer is one of
# a later Debian.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# Ranges that the kernel leaves alone, for linear areas; one has room for a 1 GiB leaf.
# shellcheck disable=SC2016  # the kernel wants the dollar sign
WINDOW=('memmap=16M$0x30000000' 'memmap=1G$0x40000000')
export AXAS_MEMORY=3G
export NEWER_SERIES=7.2 NEWER_SUITE=trixie-backports
export AXAS_TIMEOUT=${AXAS_TIMEOUT:-3000}

vm_debug() {
	local kdir

	kdir=$("$AXAS_SCRIPTS/debug-kernel.sh")
	run_logged "$NAME module" "$OUT/build.log" \
		"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$kdir" KUNIT=1 CONSUMER=1
	boot "$kdir/arch/x86/boot/bzImage" kasan_multi_shot
}

# kvm_modules KERNEL: Debian's KVM with what it needs, into OUT/kvm, for the test that it
# and we keep off each other's CPUs.
kvm_modules() {
	local root=${1%%/boot/*} name file

	[[ $root != "$1" ]] || root=${1%%/usr/lib/modules/*}
	for name in irqbypass ccp kvm kvm-amd; do
		file=$(find "$root" \( -name "$name.ko" -o -name "$name.ko.xz" \) -print -quit)
		[[ $file ]] || die "$root has no module $name"
		cp "$file" "$OUT/kvm/"
	done
	find "$OUT/kvm" -name '*.xz' -exec xz -d {} +
}

vm_stock() {
	local kernel kdir

	kernel=$("$AXAS_SCRIPTS/stock-kernel.sh")
	kdir=$("$AXAS_SCRIPTS/headers.sh" amd64)
	run_logged "$NAME module" "$OUT/build.log" \
		"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$kdir" CONSUMER=1
	kvm_modules "$kernel"
	boot "$kernel"
}

vm_newer() {
	local kernel release

	run_logged "$NAME module" "$OUT/build.log" newer_module
	release=$(<"$OUT/release")
	kernel=$("$AXAS_SCRIPTS/debs.sh" amd64 "$NEWER_SUITE" "linux-binary-$release" \
		"linux-modules-$release")/usr/lib/modules/$release/vmlinuz
	kvm_modules "$kernel"
	boot "$kernel"
}

newer_module() {
	"$AXAS_SCRIPTS/build-in-root.sh" "$OUT/module" "$NEWER_SERIES" "$NEWER_SUITE" \
		>"$OUT/release"
}

boot() {
	local kernel=$1 modules

	shift
	mapfile -t modules < <(find "$OUT/module" "$OUT/kvm" -name '*.ko')
	run_logged "$NAME programs" "$OUT/build-user.log" "$AXAS_SCRIPTS/build-user.sh" "$OUT/user"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" check.sh "${modules[@]}" \
		"$OUT"/user/tools/axasctl/{axasctl,device_test.sh} "$OUT"/user/tests/uapi/axas_uapi_test{,32} \
		"$OUT/user/tests/vcpu/axvcpu_test" "$OUT"/user/tests/guests/*.elf
	AXAS_TIMEOUT=${AXAS_TIMEOUT:-1500} run_logged "$NAME" "$OUT/vm.log" \
		"$AXAS_SCRIPTS/vm.sh" "$OUT" "$kernel" "$OUT/initramfs.gz" "${WINDOW[@]}" "$@" || true
}

main() {
	local kind=${1:-} results

	declare -F "vm_$kind" >/dev/null || die "usage: vm-check.sh debug|stock|newer"
	NAME=vm-$kind
	export OUT=$AXAS_LOGS/$NAME
	lock "out-$(basename "$AXAS_LOGS")-$NAME"
	rm -rf "$OUT"
	mkdir -p "$OUT/kvm"
	need_build_packages
	"vm_$kind"
	results=$("$AXAS_SCRIPTS/results.sh" "$NAME" "$OUT")
	record "$results"
	# What a failed test said stands in the lines below it.
	tr -d '\r' <"$OUT/guest.log" | grep -E -A 4 '^ *not ok ' || true
	grep '^fail ' <<<"$results" || true
	log "$(grep -c '^pass ' <<<"$results" || true) passed," \
		"$(grep -c '^fail ' <<<"$results" || true) failed," \
		"$(grep -c '^skip ' <<<"$results" || true) skipped; logs: $OUT"
	! grep -q '^fail ' <<<"$results"
}

main "$@"
