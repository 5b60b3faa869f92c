#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# coverage.sh [--userspace|--vm] [MINIMUM...]: measure the lines that tests execute. Prints the
# share of each file and of all of them; fails if the latter is below MINIMUM per cent. The lines
# that nothing executed are in the log's folder, coverage/missed-*.
#
# Default: gcov in User Mode Linux, the table formats and the algorithm under the KUnit suites
# (95 per cent). The first run builds a kernel (3 minutes).
#
# --userspace: clang's counts in tests/userspace, the files of the core that are built there, under
# KUnit and both models of the fuzzer (95 per cent). The device's files (axas_main.c, axas_file*.c,
# axas_debugfs.c) are not built there, and not counted. 2 minutes of CPU time.
#
# --vm: all files of axas.ko (95 per cent) and axvcpu.ko (85 per cent; a second MINIMUM), as built
# for x86, from three machines: KUnit of axas.ko in User Mode Linux, as above; the user API, vCPUs
# with their KUnit suites, and guests in QEMU, which has AMD's SVM; vCPUs in Bochs, which has
# Intel's VMX.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

OUT=$AXAS_LOGS/coverage
export OUT

# libgcov and the kernel both define mangle_path(); the kernel's may replace libgcov's, which
# only handles mangled file names, and those are not requested here.
run_suites() {
	local tree=$1 build=$2

	cd "$tree"
	timeout --foreground -k 10 "${AXAS_TIMEOUT:-1800}" ./tools/testing/kunit/kunit.py run \
		--build_dir="$build" --jobs="$AXAS_JOBS" --kunitconfig="$AXAS_SRC" \
		--timeout=1500 \
		--kconfig_add CONFIG_DEBUG_KERNEL=y --kconfig_add CONFIG_DEBUG_INFO=y \
		--kconfig_add CONFIG_DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT=y \
		--kconfig_add CONFIG_GCOV=y \
		--make_options=KBUILD_LDFLAGS="-m elf_x86_64 --allow-multiple-definition" \
		</dev/null
}

# gcc 7 and later write the counts in a destructor with a priority, whose section
# UML's linker script does not collect: without this change no .gcda file is written. Write
# a new file, so that the hard link to the pristine source breaks.
collect_destructors() {
	local lds

	for lds in "$1/arch/um/include/asm/common.lds.S" "$1/arch/um/kernel/dyn.lds.S"; do
		grep -q 'fini_array\.\*' "$lds" && continue
		sed 's/\*(\.fini_array)/*(.fini_array.*) &/' "$lds" >"$lds.new"
		mv "$lds.new" "$lds"
	done
}

# The algorithm is compiled, and counted, once for each format. Nothing opens the device there.
collect() {
	lcov -q -c -d "$1/drivers/misc/axas" -o "$OUT/all.info" --rc lcov_branch_coverage=0
	lcov -q -r "$OUT/all.info" '*/kunit/*' '*/axas_file.c' '*/axas_file_*' -o "$OUT/um.info"
}

# sum_up LABEL FILES MINIMUM TRACEFILE...: print the share of each file whose path matches FILES
# and of all of them. The lines that were not executed go to OUT/missed-LABEL.
sum_up() {
	local label=$1 files=$2 minimum=$3 missed=$OUT/missed-$1 rc=0

	shift 3
	rm -f "$missed"
	awk -v label="$label" -v files="$files" -v minimum="$minimum" -v missed="$missed" \
		-f "$AXAS_SCRIPTS/coverage.awk" "$@" || rc=1
	record "$( ((rc)) && echo fail || echo pass) coverage: $minimum per cent of $label"
	return "$rc"
}

run_userspace() {
	local bin=$OUT/build/coverage/bin

	make -s -C "$AXAS_SRC/tests/userspace" -j"$AXAS_JOBS" O="$OUT/build" MODE=coverage kunit fuzz
	export LLVM_PROFILE_FILE="$OUT/%p.profraw"
	# The oracle's suite takes long, and executes nothing that others do not.
	"$bin/kunit" 'axas_!(oracle)'
	"$bin/fuzz" --programs 100 --shrink 0
	"$bin/fuzz" --model family --programs 500 --shrink 0
	llvm-profdata merge -o "$OUT/all.profdata" "$OUT"/*.profraw
	llvm-cov export -format=lcov "$bin/kunit" -instr-profile="$OUT/all.profdata" \
		>"$OUT/lines"
}

userspace() {
	need_packages clang libclang-rt-dev llvm make libc6-dev
	mkdir -p "$OUT"
	rm -f "$OUT"/*.profraw
	run_logged "the core under clang's counts" "$OUT/userspace.log" run_userspace
	sum_up core '/axas_[^/]*$' "${1:-95}" "$OUT/lines"
}

# Counts of a machine, laid beside what the compiler noted of the same objects (.gcno).
collect_machine() {
	local module=$AXAS_LOGS/$1/module

	tr -d '\r' <"$AXAS_LOGS/$1/guest.log" | sed -n 's/^##counts //p' | base64 -d |
		tar -C "$module" -xzf - --wildcards './axas_*' './vcpu/*'
	lcov -q -c -d "$module" -o "$OUT/$1.info" --rc lcov_branch_coverage=0
}

vm() {
	local machine failed=0 machines=(vm-gcov bochs-gcov)

	um
	# Counts of a machine in which a test failed are counts.
	"$AXAS_SCRIPTS/vm-check.sh" gcov || failed=1
	"$AXAS_SCRIPTS/bochs-check.sh" gcov || failed=1
	for machine in "${machines[@]}"; do
		run_logged "counts of $machine" "$OUT/$machine.log" collect_machine "$machine"
	done
	machines=("${machines[@]/#/$OUT/}" "$OUT/um")
	sum_up axas.ko '/axas_[^/]*$' "${1:-95}" "${machines[@]/%/.info}" || failed=1
	sum_up axvcpu.ko '/vcpu/(x86/)?[^/]*$' "${2:-85}" "${machines[@]/%/.info}" || failed=1
	return "$failed"
}

um() {
	local tree build

	need_build_packages
	need_packages lcov
	tree=$("$AXAS_SCRIPTS/overlay.sh")
	build=$AXAS_CACHE/build/$(basename "$tree")-kunit-um-gcov
	lock "build-$(basename "$build")"
	lock_overlay "$tree"
	# Remove counts and objects of an earlier run or of another clone.
	collect_destructors "$tree"
	rm -rf "$OUT" "$build/drivers/misc/axas"
	mkdir -p "$OUT" "$build"
	run_logged "suites under gcov" "$OUT/kunit.log" run_suites "$tree" "$build"
	run_logged "collecting counts" "$OUT/um.log" collect "$build"
}

main() {
	case ${1:-} in
	--userspace) shift; takes 0 1 "$@"; userspace "$@" ;;
	--vm) shift; takes 0 2 "$@"; vm "$@" ;;
	*) takes 0 1 "$@"; um; sum_up formats '/axas_npt' "${1:-95}" "$OUT/um.info" ;;
	esac
}

main "$@"
