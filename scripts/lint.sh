#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lint.sh [TOOL...]: what the code can be asked without running it. The tools are
# checkpatch, kernel_doc, sparse, gcc_w1, clang_w1, shellcheck, usage, spdx and kvm
# (default: all).
# A finding in our files fails; one in the kernel's headers does not concern us.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# Where programs for user space are; all else is the kernel's.
export PROGRAMS='^(tools|bench/(user|profile)|proofs/cbmc|tests/(uapi|vcpu|guests|arm64|reboot|riscv/vcpu|userspace))/'
TOOLS=(spdx shellcheck usage kvm checkpatch kernel_doc sparse gcc_w1 clang_w1)

# Types that checkpatch may not complain of:
# - new and moved files want an entry in the kernel's MAINTAINERS
# - out of the kernel's tree one source builds for several kernels
# - CONSTANT_COMPARISON takes any name in capitals for a constant: LINUX_VERSION_CODE <
#   KERNEL_VERSION(), and static_assert() of two constants, one of which comes first
# - MACRO_ARG_UNUSED (newer kernels): what a kernel lacks, the compat header leaves out
export IGNORED_TYPES=FILE_PATH_CHANGES,LINUX_VERSION_CODE,CONSTANT_COMPARISON
IGNORED_TYPES+=,MACRO_ARG_UNUSED

# In programs for user space, in addition: the kernel's macros and names that these
# types ask for are not there, and usage() says "usage".
export IGNORED_IN_PROGRAMS=PREFER_DEFINED_ATTRIBUTE_MACRO,PREFER_FALLTHROUGH
IGNORED_IN_PROGRAMS+=,EMBEDDED_FUNCTION_NAME,CAMELCASE

# our_files PATTERN...: the sources as they are now, tracked or not yet.
our_files() {
	cd "$AXAS_SRC"
	if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git ls-files -co --exclude-standard -- "$@" | while read -r f; do
			[[ ! -f $f ]] || printf '%s\n' "$f"
		done
	else
		find . -type f | sed 's#^\./##' | while read -r f; do
			for p in "$@"; do
				# shellcheck disable=SC2053  # a pattern
				[[ $f != $p ]] || printf '%s\n' "$f"
			done
		done
	fi | sort -u
}

lint_spdx() {
	local file

	while read -r file; do
		head -n 3 "$AXAS_SRC/$file" | grep -q 'SPDX-License-Identifier: GPL-2.0' ||
			echo "$file: no SPDX-License-Identifier"
	done < <(our_files '*.c' '*.h' '*.S' '*.sh' '*.awk' '*.py' '*.pl' '*.config' '*Kbuild' '*Kconfig' '*Makefile')
}

lint_shellcheck() {
	local files

	need_packages shellcheck
	mapfile -t files < <(our_files '*.sh' .ci/run scripts/guest/init)
	cd "$AXAS_SRC"
	shellcheck -x -f gcc "${files[@]}"
}

# Every script tells what it is for, and begins no work that nobody asked for.
lint_usage() {
	local file out=$AXAS_LOGS/lint/usage.out rc

	while read -r file; do
		timeout 60 "$AXAS_SRC/$file" --help >"$out" 2>&1 </dev/null || echo "$file: --help fails"
		grep -q "^$(basename "$file")" "$out" || echo "$file: --help does not name it"
		rc=0
		timeout 60 "$AXAS_SRC/$file" --no-such-option >"$out" 2>&1 </dev/null || rc=$?
		((rc == 2)) || echo "$file: --no-such-option ends with status $rc, not 2"
	done < <(our_files 'scripts/*.sh' .ci/run | grep -vE '^scripts/(lib\.sh|guest/)')
	"$AXAS_SCRIPTS/soak-table.sh" --check 2>&1 || true
}

# checkpatch IGNORED-TYPES FILE...
checkpatch() {
	local source=$1 ignored=$2

	shift 2
	"$source/scripts/checkpatch.pl" --strict --no-tree --root=. --no-summary --terse --show-types \
		--max-line-length=100 --ignore "$ignored" -f "$@"
}

# It leaves a file behind where it runs, and does not know that AXAS_EXPORT is one of
# the macros that stand right below a function: hence on a copy.
lint_checkpatch() {
	local source copy files rc=0

	need_packages perl
	source=$("$AXAS_SCRIPTS/kernel-source.sh")
	scratch copy
	copy_sources "$copy"
	mapfile -t files < <(our_files '*.c' '*.h' | grep -vE "$PROGRAMS")
	cd "$copy"
	sed -i 's/^AXAS_EXPORT(/EXPORT_SYMBOL_GPL(/' "${files[@]}"
	checkpatch "$source" "$IGNORED_TYPES" "${files[@]}" || rc=1
	# Shims say Linux' own macros again, as they are.
	mapfile -t files < <(our_files '*.c' '*.h' | grep -E "$PROGRAMS" |
		grep -vE '^(tests/userspace/include/|proofs/cbmc/linux\.h)')
	checkpatch "$source" "$IGNORED_TYPES,$IGNORED_IN_PROGRAMS" "${files[@]}" || rc=1
	return "$rc"
}

lint_kernel_doc() {
	local source files

	need_packages perl
	source=$("$AXAS_SCRIPTS/kernel-source.sh")
	mapfile -t files < <(our_files 'include/*.h' '*.c' '*.h' | grep -vE "$PROGRAMS")
	cd "$AXAS_SRC"
	"$source/scripts/kernel-doc" -none -Werror "${files[@]}" 2>&1
}

# compile COMPILER MAKE-ARGUMENT...: the lines that name one of our files. That it
# compiles at all is needed, too.
compile() {
	local compiler=$1 kdir out=$AXAS_LOGS/lint/$TOOL rc=0

	shift
	kdir=$("$AXAS_SCRIPTS/lint-kernel.sh" "$compiler")
	copy_sources "$out"
	make -k -C "$out" KDIR="$kdir" -j"$AXAS_JOBS" KUNIT=1 CONSUMER=1 BENCH=1 KBUILD_MODPOST_WARN=1 \
		"$@" modules >"$out.log" 2>&1 || rc=$?
	sed -n "s#^$out/##p" "$out.log" | grep -E '^[^ :]+:[0-9]+:([0-9]+:)? *(warning|error|note|.*error)' |
		sort -u || true
	if ((rc)); then
		echo "the build failed:"
		tail -n 15 "$out.log"
	fi
}

lint_sparse() {
	need_packages sparse
	compile gcc C=2 CHECK=sparse
}

# What KVM does around a guest's entry and exit, and nobody has decided on.
lint_kvm() { "$AXAS_SCRIPTS/kvm-compare.sh" arm64 riscv; }

lint_gcc_w1() { compile gcc W=1; }
lint_clang_w1() { compile clang LLVM=1 W=1; }

# A tool's findings are all that it prints; a status without any is one, too.
run_tool() {
	local out=$AXAS_LOGS/lint/$1.findings rc=0

	export TOOL=$1
	strict "lint_$1" >"$out" || rc=$?
	if ((rc == 0)) && [[ ! -s $out ]]; then
		record "pass lint: $1"
		echo "lint: $1: ok"
		return
	fi
	record "fail lint: $1"
	cat "$out"
	echo "lint: $1: failed ($(wc -l <"$out") lines: $out)"
	return 1
}

main() {
	local tool failed=0

	takes 0 99 "$@"
	(($#)) || set -- "${TOOLS[@]}"
	mkdir -p "$AXAS_LOGS/lint"
	lock "out-$(basename "$AXAS_LOGS")-lint"
	for tool in "$@"; do
		declare -F "lint_$tool" >/dev/null || die "no tool $tool; there are: ${TOOLS[*]}"
		run_tool "$tool" || failed=1
	done
	return "$failed"
}

main "$@"
