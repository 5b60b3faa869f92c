#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# coverage.sh [MINIMUM]: measure by gcov, in User Mode Linux, the lines of the table formats
# and of the algorithm that the KUnit suites execute. Prints the share of each file and of all
# of them; fails if the latter is below MINIMUM per cent (default 95). The first run builds a
# kernel (3 minutes).

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

main() {
	local minimum=${1:-95} tree build

	takes 0 1 "$@"
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
