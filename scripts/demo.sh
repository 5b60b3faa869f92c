#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# demo.sh [DEMO]: boot Debian's stock kernel in QEMU (emulated: no KVM, no root needed once
# the packages are installed), load axas.ko into it, and let "axasctl demo" show its use with
# a file of 8 MiB and a range of memory that the kernel does not use. Then axvcpu.ko runs a
# guest on such memory, on the SVM of the emulated CPU, and the same kernel of Debian's as another
# guest. Ends with "demo: PASS" or
# "demo: FAIL" and the reason, and a matching status. DEMO is another machine, arm64, riscv64 or ept:
# Debian's kernel for it, and the same one as its guest, alone; or "fork", fork-arm64 or fork-riscv64: a
# guest that is frozen while it runs, and 20 clones of it that go on, one of them twice.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

export OUT=$AXAS_LOGS/demo
# shellcheck disable=SC2016  # the kernel expands the dollar sign
WINDOW='memmap=16M$0x30000000'

fail() {
	echo "demo: FAIL ($*; logs: $OUT)"
	exit 1
}

build() {
	log "building axas.ko, axvcpu.ko and axasctl"
	run_logged module "$OUT/build.log" "$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$KDIR"
	run_logged axasctl "$OUT/build-user.log" \
		"$AXAS_SCRIPTS/build-user.sh" "$OUT/user" tools/axasctl tests/guests
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/inner.gz" linux-guest.sh
	cp "$KERNEL" "$OUT/vmlinuz"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" demo.sh "$OUT/module/axas.ko" \
		"$OUT/module/vcpu/axvcpu.ko" "$OUT/user/tools/axasctl/axasctl" \
		"$OUT/user/tests/guests/demo.elf" "$OUT/vmlinuz" "$OUT/inner.gz"
}

# One case of linux.sh, whose checks decide.
linux_case() {
	local set=$1 case=$2 name=linux-$1

	[[ $set != amd64 ]] || name=linux
	OUT=$AXAS_LOGS/$name
	AXAS_CASE=$case "$AXAS_SCRIPTS/linux.sh" "$set" || fail "Linux did not boot on $set"
	tr -d '\r' <"$AXAS_LOGS/$name/$name/guest.log" | grep -v '^##'
	echo "demo: PASS"
}

main() {
	local verdict

	takes 0 1 "$@"
	if (($#)); then
		case $1 in
		fork) linux_case amd64 fork ;;
		fork-*) linux_case "${1#fork-}" fork ;;
		*) linux_case "$1" demo ;;
		esac
		return
	fi
	lock "out-$(basename "$AXAS_LOGS")-demo"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	log "packages and Debian's stock kernel"
	need_build_packages
	need_packages qemu-system-x86 libjson-c-dev libmd-dev libzydis-dev busybox-static
	kernel_set demo amd64 "$OUT/set" || fail "no stock kernel"
	export KDIR KERNEL
	strict build || fail "it does not build"
	log "booting Linux $RELEASE in QEMU"
	AXAS_SHOW=1 AXAS_TIMEOUT=${AXAS_TIMEOUT:-1200} \
		"$AXAS_SCRIPTS/vm.sh" "$OUT" "$KERNEL" "$OUT/initramfs.gz" "$WINDOW" ||
		fail "the virtual machine did not reach its end"
	verdict=$(tr -d '\r' <"$OUT/guest.log" | sed -n 's/^##axas verdict //p')
	[[ $verdict == PASS ]] || fail "${verdict:-no verdict}"
	if ! "$AXAS_SCRIPTS/splats.sh" "$OUT/kernel.log" >"$OUT/splats"; then
		cat "$OUT/splats"
		fail "the kernel's log tells of a bug"
	fi
	echo "a KVM guest of an unmodified QEMU on a space: AXAS_SHOW=1 AXAS_SUITES=qemu-2m scripts/bridge.sh"
	echo "demo: PASS"
}

main "$@"
