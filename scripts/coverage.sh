#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# coverage.sh [--userspace] [MINIMUM]: measure the lines that tests execute. Prints the share of
# each file and of all of them; fails if the latter is below MINIMUM per cent.
#
# Default: gcov in User Mode Linux, the table formats and the algorithm under the KUnit suites
# (95 per cent). The first run builds a kernel (3 minutes).
#
# --userspace: clang's counts in tests/userspace, the files of the core that are built there, under
# KUnit and both models of the fuzzer (95 per cent). The lines that nothing executed are in the
# log's folder, coverage/missed. The device's files (axas_main.c, axas_file*.c, axas_debugfs.c)
# are not built there, and not counted. 2 minutes of CPU time.

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

# Counts of the formats and of the algorithm, which is compiled once for each of them.
collect() {
	lcov -q -c -d "$1/drivers/misc/axas" -o "$OUT/all.info" --rc lcov_branch_coverage=0
	lcov -q -e "$OUT/all.info" '*/axas_npt*' -o "$OUT/with-tests.info"
	lcov -q -r "$OUT/with-tests.info" '*/kunit/*' -o "$OUT/npt.info"
}

# The share of each file of llvm-cov's list, and the lines that were not executed.
sum_up() {
	awk -F'[:,]' -v minimum="$1" -v missed="$OUT/missed" '
	function end_file() {
		printf "coverage: %-22s %5.1f %% of %d lines\n", name, n ? 100 * hit / n : 100, n
		lines += n; hits += hit
	}
	/^SF:/ { counted = /\/axas_[^\/]*$/ && !/\/include\//; name = $2; sub(/.*\//, "", name); n = hit = 0 }
	/^DA:/ && counted { n++; if ($3 > 0) hit++; else print name ":" $2 >missed }
	/^end_of_record/ && counted { end_file() }
	END {
		if (!lines) { print "coverage: nothing was run"; exit 1 }
		printf "coverage: %-22s %5.1f %% of %d lines\n", "together", 100 * hits / lines, lines
		exit 100 * hits / lines < minimum
	}'
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
	rm -f "$OUT"/*.profraw "$OUT/missed"
	run_logged "the core under clang's counts" "$OUT/userspace.log" run_userspace
	sum_up "${1:-95}" <"$OUT/lines"
}

main() {
	local minimum tree build

	if [[ ${1:-} == --userspace ]]; then
		shift
		takes 0 1 "$@"
		userspace "$@"
		return
	fi
	takes 0 1 "$@"
	minimum=${1:-95}
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
	run_logged "collecting counts" "$OUT/lcov.log" collect "$build"
	awk -F: -v minimum="$minimum" -f "$AXAS_SCRIPTS/coverage.awk" "$OUT/npt.info"
}

main "$@"
