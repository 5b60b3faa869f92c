#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh [MODE...]: measure what the operations of axas cost, beside KVM in the same
# virtual machine and beside the parts of Linux that they are made of. The modes:
#
#   instructions  instructions, counted by QEMU (-icount): the same on every run
#   parallel      wall time of faults on 1, 2 and 4 CPUs of a virtual machine
#   native        nanoseconds of table operations, in User Mode Linux
#
# Default: all of them. It prints a table, and writes all figures as JSON.
#
#   bench.sh --check   instructions alone, compared with bench/baseline.json: what takes
#                      more than 5 % more of them than there is "not ok"
#   bench.sh --update  all modes, and the outcome becomes bench/baseline.json; the README
#                      and the plots are made anew from it
#   bench.sh --build FOLDER   only build what is measured, for bench-profile.sh
#
# See Documentation/benchmarks.md.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

MODES=(instructions parallel native)
BASELINE=$AXAS_SRC/bench/baseline.json
REPORT=$AXAS_SRC/bench/report.py
export OUT=$AXAS_LOGS/bench

# The same for both sides: no mitigations, which cost instructions that have nothing to do
# with what is measured; no zeroing of what is not asked for zeroed.
KERNEL_ARGS=(nokaslr mitigations=off init_on_alloc=0)

# build: what goes into the virtual machine, and its kernel's own KVM.
build() {
	local kdir kernel=$1 module modules=()

	kdir=$("$AXAS_SCRIPTS/headers.sh" amd64)
	run_logged "bench modules" "$OUT/build.log" \
		"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$kdir" BENCH=1
	run_logged "bench program" "$OUT/build-user.log" \
		"$AXAS_SCRIPTS/build-user.sh" "$OUT/user" bench/user
	for module in irqbypass ccp kvm kvm-amd; do
		modules+=("$(find "${kernel%/boot/*}/lib/modules" -name "$module.ko")")
	done
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" bench.sh "${modules[@]}" \
		"$OUT/module/axas.ko" "$OUT/module/vcpu/axvcpu.ko" \
		"$OUT/module/bench/kernel/axas_bench.ko" "$OUT/user/bench/user/axas_bench"
}

# boot FOLDER WHAT: the rows are in FOLDER/rows then.
boot() {
	local dir=$OUT/$1

	AXAS_MEMORY=2G AXAS_TIMEOUT=${AXAS_TIMEOUT:-900} run_logged "$1" "$dir.log" \
		"$AXAS_SCRIPTS/vm.sh" "$dir" "$KERNEL" "$OUT/initramfs.gz" "${KERNEL_ARGS[@]}" \
		"AXAS_BENCH=$2"
	tr -d '\r' <"$dir/guest.log" | sed -n 's/^##bench //p' >"$dir/rows"
	splats "$dir/kernel.log"
}

# splats LOG: a kernel that tells of a bug has measured nothing.
splats() {
	"$AXAS_SCRIPTS/splats.sh" "$1" >"$1.splats" ||
		{ cat "$1.splats" >&2; die "the kernel's log tells of a bug: $1"; }
}

# One instruction is a nanosecond of the machine's time, and idle time passes at once.
mode_instructions() {
	AXAS_CPUS=1 AXAS_QEMU="-icount shift=0,sleep=off -rtc clock=vm" boot instructions all
}

mode_parallel() {
	local cpus

	mkdir -p "$OUT/parallel"
	for cpus in 2 4; do
		AXAS_CPUS=$cpus boot "parallel-$cpus" parallel
		sed "s/parallel_/parallel_smp${cpus}_/" "$OUT/parallel-$cpus/rows"
	done >"$OUT/parallel/rows"
}

# A kernel that is a program, with all of this built in. It has no user space.
mode_native() {
	local tree build

	tree=$("$AXAS_SCRIPTS/overlay.sh")
	build=$AXAS_CACHE/build/$(basename "$tree")-bench-um
	lock "build-$(basename "$build")"
	lock_overlay "$tree"
	mkdir -p "$build" "$OUT/native"
	# Objects of another clone must not pass for ours.
	rm -rf "$build/drivers/misc/axas"
	cp "$AXAS_SRC/bench/um.config" "$build/.config"
	run_logged "native kernel" "$OUT/native/build.log" build_um "$tree" "$build"
	timeout -s KILL 300 "$build/linux" mem=2G console=tty axas_bench.halt=1 \
		</dev/null >"$OUT/native/kernel.log" 2>&1 || true
	splats "$OUT/native/kernel.log"
	tr -d '\r' <"$OUT/native/kernel.log" | sed -n 's/^.*axas_bench: //p' >"$OUT/native/rows"
}

build_um() {
	make -C "$1" ARCH=um O="$2" olddefconfig
	make -C "$1" ARCH=um O="$2" -j"$AXAS_JOBS" linux
}

measure() {
	local mode

	for mode in "$@"; do
		log "measuring: $mode"
		"mode_$mode"
	done
	python3 "$REPORT" collect "$OUT" "$(basename "$KERNEL")" >"$OUT/bench.json"
}

update() {
	cp "$OUT/bench.json" "$BASELINE"
	python3 "$REPORT" readme "$BASELINE" "$AXAS_SRC/README.md"
	"$AXAS_SRC/bench/plots.sh"
}

check() {
	python3 "$REPORT" check "$OUT/bench.json" "$BASELINE" "$AXAS_SRC/README.md" |
		tee "$OUT/check.tap"
	record "$(awk -v suite=bench -f "$AXAS_SCRIPTS/ktap.awk" "$OUT/check.tap")"
}

main() {
	local action=${1:-}

	case $action in
	-h | --help) sed -n '/^# bench.sh/,/^$/s/^# \{0,1\}//p' "$0"; return ;;
	--check | --update) shift ;;
	--build)
		OUT=$2
		build "$("$AXAS_SCRIPTS/stock-kernel.sh")"
		return ;;
	-*) die "no option $action" ;;
	*) action= ;;
	esac
	(($#)) || set -- "${MODES[@]}"
	[[ $action != --check ]] || set -- instructions
	lock "out-$(basename "$AXAS_LOGS")-bench"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	need_packages qemu-system-x86 python3
	KERNEL=$("$AXAS_SCRIPTS/stock-kernel.sh")
	build "$KERNEL"
	measure "$@"
	python3 "$REPORT" table "$OUT/bench.json"
	log "all figures: $OUT/bench.json"
	case $action in
	--check) check ;;
	--update) update ;;
	esac
}

main "$@"
