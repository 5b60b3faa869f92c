#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bridge.sh: boot Debian's stock kernel with its KVM in QEMU, and run guest/bridge.sh there:
# KVM guests whose memory is a space. One VMM is tests/bridge, another one the unmodified
# QEMU of this machine's packages, which boots Debian's cloud kernel. Device back ends are
# the kernel's (O_DIRECT, io_uring, ...) and qemu-storage-daemon (vhost-user-blk).
#
# AXAS_KERNEL   another kernel, by its name in kernel-set.sh: amd64-6.12, amd64-7.2
# AXAS_SUITES   some of the guest's suites, separated by commas: tests, qemu-4k, qemu-2m
# AXAS_EFFORT   full: all rounds of the races
# AXAS_SHOW     not empty: show the guest's output while it runs
# AXAS_TIMEOUT  seconds until the machine is killed (default 1800, or 7200)

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

SET=${AXAS_KERNEL:-amd64}
NAME=bridge${SET#amd64}

# module FOLDER NAME TO: copy a module of a kernel, if it is one there.
module() {
	local file

	file=$(find "$1" \( -name "$2.ko" -o -name "$2.ko.xz" \) -print -quit)
	[[ $file ]] || return 0
	cp "$file" "$3/"
	[[ $file != *.xz ]] || xz -df "$3/${file##*/}"
}

# firmware NAME: the file in the folders that QEMU searches.
firmware() {
	local dir

	while read -r dir; do
		[[ ! -f $dir/$1 ]] || { readlink -f "$dir/$1"; return; }
	done < <(qemu-system-x86_64 -L help)
	die "QEMU has no file $1"
}

# tree FOLDER: QEMU and its storage daemon, with all that they need to run.
tree() {
	local file name programs=(/usr/bin/qemu-system-x86_64 /usr/bin/qemu-storage-daemon)

	mkdir -p "$1/usr/share/qemu"
	for file in "${programs[@]}" $(libraries "${programs[@]}"); do
		install -D "$(readlink -f "$file")" "$1$file"
	done
	for name in bios-256k.bin kvmvapic.bin linuxboot_dma.bin; do
		install -m 644 "$(firmware $name)" "$1/usr/share/qemu/$name"
	done
}

# inner FOLDER: the kernel and the initramfs of QEMU's own guest.
inner() {
	local name

	mkdir -p "$1" "$OUT/inner-modules"
	kernel_set "$NAME" cloud "$OUT/inner-set"
	cp "$KERNEL" "$1/vmlinuz"
	for name in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci \
		virtio_balloon; do
		module "$MODULES" $name "$OUT/inner-modules"
	done
	"$AXAS_SCRIPTS/initramfs.sh" "$1/initramfs.gz" bridge-inner.sh "$OUT"/inner-modules/*
}

build() {
	local name

	kernel_set "$NAME" "$SET" "$OUT/set"
	for name in irqbypass ccp kvm kvm-amd brd; do
		module "$MODULES" $name "$OUT/modules"
	done
	run_logged "$NAME module" "$OUT/build.log" \
		"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$KDIR"
	run_logged "$NAME programs" "$OUT/build-user.log" \
		"$AXAS_SCRIPTS/build-user.sh" "$OUT/user" tools/axasctl tests/bridge
	AXAS_TREE=$OUT/tree "$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" bridge.sh \
		"$OUT"/modules/*.ko "$OUT/module/axas.ko" "$OUT/user/tools/axasctl/axasctl" \
		"$OUT/user/tests/bridge/axas_bridge_test"
}

# All rounds of the races take minutes: in make soak only.
effort() {
	printf '%s\n' "AXAS_EFFORT=${AXAS_EFFORT:-short}" "AXAS_SUITES=${AXAS_SUITES:-all}"
	[[ ${AXAS_EFFORT:-} == full ]] || echo AXAS_ROUNDS=500
}

boot() {
	local command=("$AXAS_SCRIPTS/vm.sh" "$OUT" "$KERNEL" "$OUT/initramfs.gz" "$@")

	[[ ${AXAS_EFFORT:-} != full ]] || AXAS_TIMEOUT=${AXAS_TIMEOUT:-7200}
	# Not isolcpus=0: see leave_cpu_0 in guest/bridge.sh.
	export AXAS_CPUS=3 AXAS_MEMORY=3G AXAS_TIMEOUT=${AXAS_TIMEOUT:-1800}
	if [[ ${AXAS_SHOW:-} ]]; then
		"${command[@]}"
	else
		run_logged "$NAME" "$OUT/vm.log" "${command[@]}"
	fi
}

main() {
	local args

	takes 0 0 "$@"
	OUT=$AXAS_LOGS/$NAME
	lock "out-$(basename "$AXAS_LOGS")-$NAME"
	rm -rf "$OUT"
	mkdir -p "$OUT/modules"
	need_build_packages
	need_packages qemu-system-x86 qemu-system-common busybox-static
	tree "$OUT/tree"
	inner "$OUT/tree/inner"
	build
	mapfile -t args < <(effort)
	boot "${args[@]}" || true
	machine_results "$NAME" "$OUT"
}

main "$@"
