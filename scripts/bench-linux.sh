#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench-linux.sh [LINES]: boot Debian's stock kernel as a guest of axvcpu and of KVM, by the same
# VMM in the same virtual machine (bench/linux/), and compare instructions of the host's kernel and
# exits: of the boot to the first program's first line, and of 10 s without work. A plugin of QEMU's
# counts instructions, on machines with one CPU. With LINES, also print the functions of the host's
# kernel with most of them.
#
# AXAS_RUNS  names of runs (see runs below), separated by spaces; default: all

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

export OUT=$AXAS_LOGS/bench-linux

# A run: its name, the machine's CPUs, the VMM with its options. The same memory on both: frames of
# 4 KiB on first touch; frames of 2 MiB; 4 KiB, populated. Then two vCPUs, KVM with its own irqchip: on
# two CPUs, and on one, which both share.
runs() {
	cat <<-EOT
		axas-lazy 1 axas
		kvm-lazy 1 kvm
		axas-huge 1 axas,-o,huge
		kvm-huge 1 kvm,-o,huge
		axas-populated 1 axas,-o,populated
		kvm-populated 1 kvm,-o,populated
		axas-smp 2 axas,-c,2
		kvm-smp 2 kvm,-i,-c,2
		axas-shared 1 axas,-c,2
		kvm-shared 1 kvm,-i,-c,2
		kvm-irqchip 1 kvm,-i
	EOT
}

# module NAME: copy a module of the kernel, without debugging information.
module() {
	local file

	file=$(find "$MODULES" -name "$1.ko*" -print -quit)
	[[ $file ]] || die "$RELEASE has no $1"
	cp "$file" "$OUT/"
	[[ $file != *.xz ]] || xz -d "$OUT/$1.ko.xz"
}

build() {
	local name

	kernel_set bench-linux amd64-own "$OUT/set"
	run_logged "bench-linux modules" "$OUT/build.log" \
		"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$KDIR"
	run_logged "bench-linux program" "$OUT/build-user.log" \
		"$AXAS_SCRIPTS/build-user.sh" "$OUT/user" bench/linux
	find "$OUT/module" -name '*.ko' -exec strip --strip-debug {} +
	gcc -O2 -Wall -Wextra -fPIC -shared -o "$OUT/worlds.so" "$AXAS_SRC/bench/profile/worlds.c"
	for name in irqbypass ccp kvm kvm-amd; do
		module "$name"
	done
	cp "$KERNEL" "$OUT/vmlinuz"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/inner.gz" bench-linux-guest.sh
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" bench-linux.sh \
		"$OUT"/{irqbypass,ccp,kvm,kvm-amd}.ko "$OUT/module/axas.ko" \
		"$OUT/module/vcpu/axvcpu.ko" "$OUT/user/bench/linux/axas_linux" \
		"$OUT/user/bench/linux/kvm_linux" "$OUT/vmlinuz" "$OUT/inner.gz"
}

# marks PROGRAM: in the order of the source; the last is the end.
marks() {
	sed -n 's/^MARK(\(.*\))$/profile_mark_\1/p' "$AXAS_SRC/bench/linux/main.c" |
		while read -r name; do
			printf ',mark=%s' "$(nm "$1" | awk -v name="$name" '$3 == name { print $1 }')"
		done
}

boot() {
	local name=$1 cpus=$2 what=$3 dir=$OUT/$1 options

	options="-icount shift=0,sleep=off -rtc clock=vm -plugin $OUT/worlds.so,out=$dir.counts$(marks \
		"$OUT/user/bench/linux/${what%%,*}_linux")"
	# With -icount, QEMU 7.2 does not start a second CPU of this kernel.
	((cpus == 1)) || options=
	AXAS_ACCEL=tcg,thread=single AXAS_CPUS=$cpus AXAS_MEMORY=2G AXAS_TIMEOUT=${AXAS_TIMEOUT:-1800} \
	AXAS_QEMU=$options \
		run_logged "$name" "$dir.log" "$AXAS_SCRIPTS/vm.sh" "$dir" "$KERNEL" \
		"$OUT/initramfs.gz" nokaslr mitigations=off init_on_alloc=0 "AXAS_LINUX=$what"
	grep -q '^##axas done 0' "$dir/guest.log" || die "$name: it did not end well: $dir/guest.log"
	"$AXAS_SCRIPTS/splats.sh" "$dir/kernel.log" >"$dir.splats" ||
		{ cat "$dir.splats" >&2; die "$name: the kernel's log tells of a bug"; }
}

main() {
	local name cpus what lines=${1:-0}

	takes 0 1 "$@"
	lock "out-$(basename "$AXAS_LOGS")-bench-linux"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	need_packages qemu-system-x86 python3 binutils libjson-c-dev libmd-dev
	build
	while read -r name cpus what; do
		[[ -z ${AXAS_RUNS:-} || " $AXAS_RUNS " == *" $name "* ]] || continue
		boot "$name" "$cpus" "$what" </dev/null
	done < <(runs)
	python3 "$AXAS_SRC/bench/profile/worlds.py" "$OUT" "$lines"
}

main "$@"
