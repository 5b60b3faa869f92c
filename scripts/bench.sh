#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh [MODE...]: measure the cost of axas's operations, with KVM in the same virtual
# machine and the Linux primitives that they use for comparison. The modes:
#
#   instructions  instructions, counted by QEMU (-icount): the same on every run
#   cpus256       cost of a space with 1 possible CPU, and with 256
#   large         starting the dirty log on 8 GiB: as instructions, in a virtual machine of 11 GiB
#   newer         as instructions, on Debian's 6.12, whose KVM can populate
#                 (KVM_PRE_FAULT_MEMORY)
#   newest        as instructions, on 7.2 of a later Debian, whose KVM has guest_memfd for
#                 every VM
#   disturb       interrupts to other CPUs, grace periods and exits of other guests that an
#                 operation causes
#   parallel      wall time of faults on 1, 2 and, if the host has them, 4 CPUs of a virtual
#                 machine
#   native        nanoseconds on this machine, of the core built as a program with the
#                 kernel's own flags, without and with its retpolines
#
# Default: all of them. It prints a table, and writes all figures as JSON.
#
#   bench.sh --check [MODE...]
#                      compare instructions and cpus256, or the named modes, with
#                      bench/baseline.json: a count of more than 5 % above the baseline is
#                      "not ok". Times are not compared
#   bench.sh --update [MODE...]
#                      write the results to bench/baseline.json, and generate the figures of
#                      the README and Documentation/benchmarks.md and the plots from it
#   bench.sh --build FOLDER   only build the benchmarks, for bench-profile.sh
#
# See Documentation/benchmarks.md.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

MODES=(instructions cpus256 large newer newest disturb parallel native)
CHECKED=(instructions cpus256)
BASELINE=$AXAS_SRC/bench/baseline.json
REPORT=$AXAS_SRC/bench/report.py
TEXTS=("$AXAS_SRC/README.md" "$AXAS_SRC/Documentation/benchmarks.md")
export OUT=$AXAS_LOGS/bench

# The same for both sides: no mitigations, whose instructions would obscure the measured ones;
# no zeroing of memory that was not allocated zeroed.
KERNEL_ARGS=(nokaslr mitigations=off init_on_alloc=0)

# build FOLDER [SET]: build a virtual machine's initramfs with its kernel's own KVM, and write
# the kernel's path to the file "kernel". SET is one of kernel-set.sh's; figures are comparable
# on one kernel only, so no other suite may serve.
build() {
	local dir=$1 module file modules=()

	mkdir -p "$dir"
	kernel_set bench "${2:-amd64-own}" "$dir/set"
	run_logged "bench modules" "$dir/build.log" \
		"$AXAS_SCRIPTS/build-module.sh" "$dir/module" "$KDIR" BENCH=1
	run_logged "bench program" "$dir/build-user.log" \
		"$AXAS_SCRIPTS/build-user.sh" "$dir/user" bench/user
	for module in irqbypass ccp kvm kvm-amd; do
		file=$(find "$MODULES" -name "$module.ko*")
		[[ $file ]] || die "$RELEASE has no $module"
		cp "$file" "$dir/"
		[[ $file != *.xz ]] || xz -d "$dir/$module.ko.xz"
		modules+=("$dir/$module.ko")
	done
	"$AXAS_SCRIPTS/initramfs.sh" "$dir/initramfs.gz" bench.sh "${modules[@]}" \
		"$dir/module/axas.ko" "$dir/module/vcpu/axvcpu.ko" \
		"$dir/module/bench/kernel/axas_bench.ko" \
		"$dir/module/bench/kernel/axas_bench_rcu.ko" "$dir/user/bench/user/axas_bench"
	printf '%s\n' "$KERNEL" >"$dir/kernel"
	printf '%s\n' "$RELEASE" >"$dir/release"
}

# Build for this Debian's own kernel once, for all modes that use it.
own_build() { [[ -e $OUT/build/kernel ]] || build "$OUT/build"; }

# boot MODE BUILD WHAT [KERNEL-ARGUMENT...]: write the rows to the mode's folder.
boot() {
	local dir=$OUT/$1

	AXAS_MEMORY=${MEMORY:-3G} AXAS_TIMEOUT=${AXAS_TIMEOUT:-2400} run_logged "$1" "$dir.log" \
		"$AXAS_SCRIPTS/vm.sh" "$dir" "$(cat "$2/kernel")" "$2/initramfs.gz" \
		"${KERNEL_ARGS[@]}" "AXAS_BENCH=$3" "${@:4}"
	tr -d '\r' <"$dir/guest.log" | sed -n 's/^##bench //p' >"$dir/rows"
	splats "$dir/kernel.log"
}

# splats LOG: fail if the kernel reported a bug: its measurements are invalid.
splats() {
	"$AXAS_SCRIPTS/splats.sh" "$1" >"$1.splats" ||
		{ cat "$1.splats" >&2; die "the kernel's log tells of a bug: $1"; }
}

# One instruction takes one nanosecond of virtual time, and idle time is skipped.
ICOUNT="-icount shift=0,sleep=off -rtc clock=vm"

mode_instructions() {
	own_build
	AXAS_CPUS=1 AXAS_QEMU=$ICOUNT boot instructions "$OUT/build" all
}

# The same rows one after the other, so that only the number of possible CPUs differs.
mode_cpus256() {
	local cpus

	own_build
	mkdir -p "$OUT/cpus256"
	for cpus in 1 256; do
		AXAS_CPUS=1 AXAS_QEMU=$ICOUNT \
			boot "cpus256-$cpus" "$OUT/build" spaces "possible_cpus=$cpus"
		sed -n "s/^spaces\\./spaces_of_$cpus./p; /^failed:/p" "$OUT/cpus256-$cpus/rows"
	done >"$OUT/cpus256/rows"
}

mode_large() {
	own_build
	MEMORY=11G AXAS_CPUS=1 AXAS_QEMU=$ICOUNT boot large "$OUT/build" large
}

mode_newer() {
	build "$OUT/build-newer" amd64-6.12
	AXAS_CPUS=1 AXAS_QEMU=$ICOUNT boot newer "$OUT/build-newer" all
}

mode_newest() {
	build "$OUT/build-newest" amd64-7.2
	AXAS_CPUS=1 AXAS_QEMU=$ICOUNT boot newest "$OUT/build-newest" all
}

# Counts do not depend on time, so -icount is not needed.
mode_disturb() {
	own_build
	AXAS_CPUS=2 boot disturb "$OUT/build" disturb
}

mode_parallel() {
	local cpus

	own_build
	mkdir -p "$OUT/parallel"
	# More CPUs than the host has would not run in parallel.
	for cpus in 2 4; do
		((cpus == 2 || cpus <= $(nproc))) || continue
		AXAS_CPUS=$cpus boot "parallel-$cpus" "$OUT/build" parallel
		sed -n "s/parallel_/parallel_smp${cpus}_/p; /^failed:/p" "$OUT/parallel-$cpus/rows"
	done >"$OUT/parallel/rows"
}

# The core as a program, with the kernel's flags, without and with retpolines. The two
# alternate, and the best of five runs counts: other load on the machine disturbs some.
mode_native() {
	local mode turn dir=$OUT/native

	mkdir -p "$dir"
	for mode in native retpoline; do
		run_logged "$mode program" "$dir/build-$mode.log" \
			make -s -C "$AXAS_SRC/tests/userspace" -j"$AXAS_JOBS" O="$dir/build" \
			MODE="$mode" native
	done
	for turn in 1 2 3 4 5; do
		for mode in native retpoline; do
			"$dir/build/$mode/bin/native" >"$dir/$mode.$turn" 2>>"$dir/native.log" ||
				die "$mode: $(tail -n 1 "$dir/$mode.$turn")"
			sed "s/^/$mode./" "$dir/$mode.$turn"
		done
	done | sort -k1,1 -k2,2g | awk '!seen[$1]++' >"$dir/rows"
}

measure() {
	local mode

	for mode in "$@"; do
		log "measuring: $mode"
		"mode_$mode"
	done
	python3 "$REPORT" collect "$OUT" >"$OUT/bench.json"
}

update() {
	python3 "$REPORT" update "$OUT/bench.json" "$BASELINE"
	python3 "$REPORT" write "$BASELINE" "${TEXTS[@]}"
	"$AXAS_SRC/bench/plots.sh"
}

check() {
	local rc=0

	python3 "$REPORT" check "$OUT/bench.json" "$BASELINE" "${TEXTS[@]}" \
		>"$OUT/check.tap" || rc=$?
	cat "$OUT/check.tap"
	record "$(awk -v suite=bench -f "$AXAS_SCRIPTS/ktap.awk" "$OUT/check.tap")"
	return "$rc"
}

main() {
	local action=${1:-} mode

	case $action in
	--check | --update) shift ;;
	--build) build "$2"; return ;;
	-*) usage_error "unknown option $action" ;;
	*) action= ;;
	esac
	[[ $action != --check ]] || (($#)) || set -- "${CHECKED[@]}"
	(($#)) || set -- "${MODES[@]}"
	for mode in "$@"; do
		[[ " ${MODES[*]} " == *" $mode "* ]] || usage_error "no mode $mode"
	done
	lock "out-$(basename "$AXAS_LOGS")-bench"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	need_packages qemu-system-x86 python3
	measure "$@"
	python3 "$REPORT" table "$OUT/bench.json"
	log "all figures: $OUT/bench.json"
	case $action in
	--check) check ;;
	--update) update ;;
	esac
}

main "$@"
