#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# linux.sh: boot Debian's stock kernel in QEMU, which emulates AMD's SVM, and in it the same kernel
# as a guest of axvcpu, by "axasctl boot": guest/linux.sh says how often, and guest/linux-guest.sh
# what the guest does.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

NAME=linux

# module NAME: copy a module of the kernel to OUT.
module() {
	local file

	file=$(find "$MODULES" \( -name "$1.ko" -o -name "$1.ko.xz" \) -print -quit)
	[[ $file ]] || die "$MODULES has no module $1"
	cp "$file" "$OUT/"
	[[ $file != *.xz ]] || xz -d "$OUT/$1.ko.xz"
}

build() {
	run_logged "$NAME module" "$OUT/build.log" \
		"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$KDIR"
	run_logged "$NAME programs" "$OUT/build-user.log" "$AXAS_SCRIPTS/build-user.sh" "$OUT/user" \
		tools/axasctl tests/linux
	module dummy
	cp "$KERNEL" "$OUT/vmlinuz"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/inner.gz" linux-guest.sh \
		"$OUT/user/tests/linux/linux_test" "$OUT/dummy.ko"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" linux.sh "$OUT/module/axas.ko" \
		"$OUT/module/vcpu/axvcpu.ko" "$OUT/user/tools/axasctl/axasctl" "$OUT/vmlinuz" \
		"$OUT/inner.gz"
}

main() {
	takes 0 0 "$@"
	OUT=$AXAS_LOGS/$NAME
	lock "out-$(basename "$AXAS_LOGS")-$NAME"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	kernel_set "$NAME" amd64 "$OUT/set"
	build
	export AXAS_TIMEOUT=${AXAS_TIMEOUT:-1800}
	run_logged "$NAME" "$OUT/vm.log" \
		"$AXAS_SCRIPTS/vm.sh" "$OUT" "$KERNEL" "$OUT/initramfs.gz" || true
	machine_results "$NAME" "$OUT"
}

main "$@"
