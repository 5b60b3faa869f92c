#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# linux.sh [SET [GUEST]]: boot Debian's stock kernel in QEMU, which emulates the virtualization
# extensions, and in it the same kernel as a guest of axvcpu, by "axasctl boot": guest/linux.sh says
# how often, and guest/linux-guest.sh what the guest does. SET is amd64 (default), by AMD's SVM; ept,
# on one vCPU by Intel's VMX, which Bochs emulates; arm64, at EL2, on a CPU whose stage 2 controls caching
# (FEAT_S2FWB) and on one without; riscv64, by the hypervisor extension, with and without Sstc.
# GUEST is a set of kernel-set.sh's table, whose kernel is the guest instead, in one short boot.
#
# AXAS_CASE  not empty: only this case of guest/linux.sh

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# module NAME: copy a module of the kernel to OUT. Two are a part of most kernels.
module() {
	local file

	file=$(find "$MODULES" \( -name "$1.ko" -o -name "$1.ko.xz" \) -print -quit)
	if [[ ! $file ]]; then
		[[ $1 == virtio || $1 == virtio_ring ]] || die "$MODULES has no module $1"
		return 0
	fi
	cp "$file" "$OUT/"
	[[ $file != *.xz ]] || xz -d "$OUT/$1.ko.xz"
}

# Build everything with the tools of the kernel's own suite, the modules as ARCH.sh does.
build() {
	local arguments

	mapfile -t arguments < <(cross_arguments "$ARCH" | sed '1i CONSUMER=1')
	"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$KDIR" "${arguments[@]}"
	find "$OUT/module" -name '*.ko' -exec "${PREFIX}strip" --strip-debug {} +
	arguments=(CROSS_COMPILE="$PREFIX" EXTRA_CFLAGS="${LIBS:+-I$LIBS/usr/include}"
		EXTRA_LDFLAGS="${LIBS:+-L$LIBS/usr/lib/${PREFIX%-}}")
	make_for "$KDIR" "$OUT/module" -C tests/linux "${arguments[@]}"
	# shellcheck disable=SC2086  # several words
	make_for "$KDIR" "$OUT/module" -C tools/axasctl all $TESTS "${arguments[@]}"
}

# What the guest needs for its disk and balloon.
VIRTIO=(virtio_ring virtio virtio_mmio virtio_blk virtio_balloon)

# Programs of this machine that the host's root has besides.
PROGRAMS=()

# memtest: print the path of Debian's memtest86+.
memtest() {
	local root

	root=$("$AXAS_SCRIPTS/debs.sh" amd64 - memtest86+)
	[[ -f $root/boot/memtest86+x64.bin ]] || die "the package memtest86+ has changed"
	echo "$root/boot/memtest86+x64.bin"
}

# The guest's root, then the host's with all of that in it.
roots() {
	local tests name modules=() MODULES=$GUEST_MODULES

	read -ra tests <<<"$TESTS"
	for name in dummy "${VIRTIO[@]}"; do
		module "$name"
		[[ ! -f $OUT/$name.ko ]] || modules+=("$OUT/$name.ko")
	done
	cp "$GUEST_KERNEL" "$OUT/vmlinuz"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/inner.gz" linux-guest.sh \
		"$OUT/module/tests/linux/linux_test" "${modules[@]}"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" linux.sh "$OUT/module/axas.ko" \
		"$OUT/module/vcpu/axvcpu.ko" "$OUT/module/tools/axasctl/axasctl" "$OUT/vmlinuz" \
		"$OUT/inner.gz" "${tests[@]/#./$OUT/module/tools/axasctl}" "${PROGRAMS[@]}"
}

# boot NAME CASE: run a machine, and print its findings.
boot() {
	local out=$OUT/$1

	AXAS_TIMEOUT=${AXAS_TIMEOUT:-1800} run_logged "$1" "$out/vm.log" \
		"$AXAS_SCRIPTS/$VM" "$out" "$KERNEL" "$OUT/initramfs.gz" "AXAS_CASE=$2" \
		AXAS_EFFORT="${AXAS_EFFORT:-short}" || true
	machine_results "$1" "$out"
}

main() {
	local failed=0

	takes 0 2 "$@"
	# Tests of the devices that cannot run on this machine: those of amd64 are in "tools".
	ARCH=${1:-amd64} NAME=linux PREFIX='' VM=vm.sh TESTS=''
	[[ $ARCH == amd64 ]] || NAME=linux-$ARCH
	SET=$ARCH CASE=all
	# The cloud kernel is the smaller one.
	[[ $ARCH != ept ]] || ARCH=amd64 SET=cloud CASE=busy VM=bochs.sh
	[[ -z ${2:-} ]] || NAME=linux-on-$ARCH-$2 CASE=short
	CASE=${AXAS_CASE:-$CASE}
	OUT=$AXAS_LOGS/$NAME
	lock "out-$(basename "$AXAS_LOGS")-$NAME"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	kernel_set "$NAME" "${2:-$SET}" "$OUT/guest-set"
	GUEST_KERNEL=$KERNEL GUEST_MODULES=$MODULES
	[[ -z ${2:-} ]] || kernel_set "$NAME" "$SET" "$OUT/set"
	case $ARCH in
	amd64)
		need_packages libjson-c-dev libmd-dev libzydis-dev qemu-system-common
		[[ $CASE != all && $CASE != disk ]] || PROGRAMS=(/usr/bin/qemu-storage-daemon)
		[[ $CASE != memtest ]] || PROGRAMS=("$(memtest)")
		;;
	arm64)
		PREFIX=aarch64-linux-gnu- VM=vm-arm64.sh TESTS='./device_test ./loader_test'
		need_packages "gcc-${PREFIX%-}" qemu-system-arm
		;;
	riscv64)
		PREFIX=riscv64-linux-gnu- VM=vm-riscv64.sh TESTS='./device_test ./loader_test'
		need_packages "gcc-${PREFIX%-}" qemu-system-misc
		;;
	*)
		die "no machine for $ARCH"
		;;
	esac
	[[ $ARCH == amd64 ]] || [[ $CASE != all && $CASE != disk ]] ||
		PROGRAMS=("$OUT/module/tests/linux/disk_server")
	export OUT ARCH PREFIX KDIR LIBS TESTS AXAS_BUSYBOX=$BUSYBOX
	run_logged "$NAME build" "$OUT/build.log" build
	roots
	boot "$NAME" "$CASE" || failed=1
	[[ $CASE == all ]] || return "$failed"
	CASE=short
	[[ ${AXAS_EFFORT:-short} != full ]] || CASE=busy
	case $ARCH in
	arm64) AXAS_CPU=cortex-a76 boot "$NAME-without-fwb" "$CASE" || failed=1 ;;
	riscv64) AXAS_CPU=rv64,h=true,sstc=false boot "$NAME-without-sstc" "$CASE" || failed=1 ;;
	esac
	return "$failed"
}

main "$@"
