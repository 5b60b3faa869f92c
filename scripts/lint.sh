#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lint.sh [TOOL...]: static checks of the code. The tools are spdx, links, shellcheck, usage,
# length, kvm, syzkaller, checkpatch, kernel_doc, gcc_sparse, arrows and clang_w1 (default: all
# of these); in soak gcc_analyzer, cppcheck and coccinelle.
# A finding in our files fails; findings in the kernel's headers are ignored.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# Folders of user-space programs; all else is kernel code.
export PROGRAMS='^(lib|tools|bench/(user|linux|profile)|proofs/cbmc|tests/(lib|linux|uapi|vcpu|bridge|guests|reboot|userspace))/'
TOOLS=(spdx links shellcheck usage length kvm syzkaller checkpatch kernel_doc gcc_sparse arrows clang_w1)

# Types of checkpatch to ignore:
# - new and moved files would need an entry in the kernel's MAINTAINERS
# - out-of-tree sources build for several kernels
# - CONSTANT_COMPARISON takes any name in capitals for a constant: LINUX_VERSION_CODE <
#   KERNEL_VERSION(), and static_assert() of two constants, one of which comes first
# - MACRO_ARG_UNUSED (newer kernels): macros of the compat header for features that a kernel lacks
export IGNORED_TYPES=FILE_PATH_CHANGES,LINUX_VERSION_CODE,CONSTANT_COMPARISON
IGNORED_TYPES+=,MACRO_ARG_UNUSED

# Also, in user-space programs: they lack the kernel's macros that these types suggest, guests
# and the kernel write their volatile memory, and usage() prints "usage".
export IGNORED_IN_PROGRAMS=PREFER_DEFINED_ATTRIBUTE_MACRO,PREFER_FALLTHROUGH
IGNORED_IN_PROGRAMS+=,EMBEDDED_FUNCTION_NAME,CAMELCASE,VOLATILE

# Also, in lists that a macro turns into code: list(X) does not look like a statement.
export LISTS='^(axas_npt_formats\.h|oracle/vectors_all\.h)$'
export IGNORED_IN_LISTS=COMPLEX_MACRO,MACRO_ARG_REUSE

# Also, in headers of tracepoints, which look as the kernel's do.
export TRACES='^(axas_trace|vcpu/axvcpu_trace)\.h$'
export IGNORED_IN_TRACES=COMPLEX_MACRO,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT

# our_files PATTERN...: list the present sources, tracked or not.
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
	cd "$AXAS_SRC"
	our_files '*.c' '*.h' '*.S' '*.sh' '*.awk' '*.py' '*.pl' '*.config' '*Kbuild' '*Kconfig' \
		'*Makefile' |
		tr '\n' '\0' | xargs -0 awk '
		FNR == 1 { file[FILENAME] }
		FNR <= 3 && /SPDX-License-Identifier: GPL-2.0/ { found[FILENAME] }
		FNR == 3 { nextfile }
		END {
			for (f in file)
				if (!(f in found))
					print f ": no SPDX-License-Identifier"
		}'
}

# Links of pages to missing files or headings. Headings are matched by the anchors that
# GitHub generates.
lint_links() {
	cd "$AXAS_SRC"
	our_files '*.md' | while read -r page; do
		{ grep -oE '\]\([^)]+\)' "$page" || true; } | sed 's/^](//; s/)$//' | while read -r link; do
			[[ $link != http* ]] || continue
			file=${link%%#*}
			file=${file:+$(dirname "$page")/$file}
			file=${file:-$page}
			if [[ ! -e $file ]]; then
				echo "$page: links to $link, which is not there"
			elif [[ $link == *#* ]] && ! sed -n 's/^##* //p' "$file" | tr 'A-Z ' 'a-z-' |
				tr -cd 'a-z0-9_\n-' | grep -qxF "${link#*#}"; then
				echo "$page: links to $link, and $file has no such heading"
			fi
		done
	done
}

# Functions of more than 60 lines, and a mean of more than 9 lines in the core.
lint_length() {
	cd "$AXAS_SRC"
	our_files '*.c' | tr '\n' '\0' | xargs -0 awk '
		FNR == 1 { begun = 0 }
		/^{/ { begun = FNR }
		/^}/ && begun {
			lines = FNR - begun - 1
			if (lines > 60)
				print FILENAME ":" begun ": a function of " lines " lines"
			if (FILENAME ~ /^axas_/) {
				sum += lines
				n++
			}
			begun = 0
		}
		END {
			printf "lint: length: the core has %.1f lines a function\n", sum / n >"/dev/stderr"
			if (sum > 9 * n)
				print "the core has more than 9 lines a function"
		}'
}

lint_shellcheck() {
	local files

	need_packages shellcheck
	mapfile -t files < <(our_files '*.sh' .ci/run scripts/guest/init)
	cd "$AXAS_SRC"
	shellcheck -x -f gcc "${files[@]}"
}

# Every script prints its usage, and starts no work with an unknown option.
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
	"$AXAS_SCRIPTS/kernels-table.sh" --check 2>&1 || true
}

# checkpatch IGNORED-TYPES FILE...
checkpatch() {
	local source=$1 ignored=$2

	shift 2
	"$source/scripts/checkpatch.pl" --strict --no-tree --root=. --no-summary --terse --show-types \
		--max-line-length=100 --ignore "$ignored" -f "$@"
}

# unseen <FILES: list the files without a mark in SEEN, a folder of marks by content for
# tools that look at one file at a time: a mark means no findings.
unseen() {
	local sum file

	mkdir -p "$SEEN"
	xargs -d '\n' -r sha256sum | while read -r sum file; do
		[[ -e $SEEN/$sum ]] || printf '%s\n' "$file"
	done
}

seen() { sha256sum "$@" | (cd "$SEEN" && cut -d' ' -f1 | xargs -r touch); }

# checkpatch_files TYPES: run checkpatch on each file of its input, with TYPES ignored. Skip
# files that are unchanged since a run without findings.
checkpatch_files() {
	local files version

	version=$(sha256sum "$SOURCE/scripts/checkpatch.pl")
	SEEN=$AXAS_CACHE/lint/checkpatch-$(hash_of "$version" "$1")
	mapfile -t files < <(unseen)
	((${#files[@]})) || return 0
	checkpatch "$SOURCE" "$1" "${files[@]}" || return 1
	seen "${files[@]}"
}

# Run on a copy: checkpatch leaves a file behind in the current folder, and does not know that
# AXAS_EXPORT may follow a function, like EXPORT_SYMBOL_GPL, nor that a list of formats may
# expand to anything.
lint_checkpatch() {
	local copy rc=0

	need_packages perl
	SOURCE=$("$AXAS_SCRIPTS/kernel-source.sh")
	scratch copy
	copy_sources "$copy"
	our_files '*.c' '*.h' >"$copy/files"
	cd "$copy"
	grep -vE "$PROGRAMS" files | xargs sed -i 's/^AXAS_EXPORT(/EXPORT_SYMBOL_GPL(/'
	xargs sed -i 's/^\(#define [A-Z_]*(NAME, name)\).*/\1	0/' <files
	checkpatch_files "$IGNORED_TYPES" < <(grep -vE "$PROGRAMS|$LISTS|$TRACES" files) || rc=1
	checkpatch_files "$IGNORED_TYPES,$IGNORED_IN_LISTS" < <(grep -E "$LISTS" files) || rc=1
	checkpatch_files "$IGNORED_TYPES,$IGNORED_IN_TRACES" < <(grep -E "$TRACES" files) || rc=1
	# Shims repeat Linux's own macros unchanged.
	checkpatch_files "$IGNORED_TYPES,$IGNORED_IN_PROGRAMS" \
		< <(grep -E "$PROGRAMS" files |
			grep -vE '^(tests/userspace/include/|proofs/cbmc/linux\.h)') || rc=1
	return "$rc"
}

lint_kernel_doc() {
	local source files

	need_packages perl
	source=$("$AXAS_SCRIPTS/kernel-source.sh")
	mapfile -t files < <(
		our_files 'include/*.h' '*.c' '*.h' | grep -vE "$PROGRAMS"
		our_files 'lib/*.h'
	)
	cd "$AXAS_SRC"
	"$source/scripts/kernel-doc" -none -Werror "${files[@]}" 2>&1
}

# compile COMPILER MAKE-ARGUMENT...: print the warnings in our files, and fail if they do not
# compile. Objects are kept in the cache, and only changed files are compiled again; after
# findings nothing is kept, so that they are reported again.
compile() {
	local compiler=$1 kdir tree fresh log=$AXAS_LOGS/lint/$TOOL.log rc=0

	shift
	kdir=$("$AXAS_SCRIPTS/lint-kernel.sh" "$compiler")
	tree=$AXAS_CACHE/build/lint-$TOOL-$(hash_of "$kdir" "$*" "$(sparse --version 2>&1 || true)")
	printf '%s\n' "$tree" >"$AXAS_LOGS/lint/$TOOL.tree"
	lock "lint-$TOOL"
	[[ -e $tree/.axas-clean ]] || rm -rf "$tree"
	rm -f "$tree/.axas-clean"
	scratch fresh
	copy_sources "$fresh"
	mkdir -p "$tree"
	rsync -rlpc --delete --exclude={'*.o','*.ko','*.mod','*.mod.c','.*.cmd','*.symvers','*.order'} \
		"$fresh/" "$tree/"
	# W=1 would run kernel-doc on each file, which lint_kernel_doc does in one process.
	make -k -C "$tree" KDIR="$kdir" -j"$AXAS_JOBS" KUNIT=1 CONSUMER=1 BENCH=1 KBUILD_MODPOST_WARN=1 \
		cmd_checkdoc=true "$@" modules >"$log" 2>&1 || rc=$?
	sed -n "s#^$tree/##p" "$log" | grep -E '^[^ :]+:[0-9]+:([0-9]+:)? *(warning|error|note|.*error)' |
		sort -u >"$log.findings" || true
	cat "$log.findings"
	if ((rc)); then
		echo "the build failed:"
		tail -n 15 "$log"
	elif [[ ! -s $log.findings ]]; then
		touch "$tree/.axas-clean"
	fi
}

# sparse and gcc check each file in one run.
lint_gcc_sparse() {
	need_packages sparse
	compile gcc W=1 C=1 CHECK=sparse
}

# Check that calls go down in the map of Documentation/design.md, on the objects of gcc_sparse,
# which reports its findings itself. arm64.sh and riscv64.sh check their own builds.
lint_arrows() {
	TOOL=gcc_sparse lint_gcc_sparse >/dev/null
	"$AXAS_SCRIPTS/arrows.sh" "$(cat "$AXAS_LOGS/lint/gcc_sparse.tree")"
}

# KVM's operations at guest entry and exit on which no decision is recorded.
lint_kvm() { "$AXAS_SCRIPTS/kvm-compare.sh" arm64 riscv; }

# The description of the user API for syzkaller says what the headers say.
lint_syzkaller() {
	local folder

	need_packages python3 gcc
	scratch folder
	cd "$AXAS_SRC/tests/syzkaller"
	python3 check.py "$folder" axas.txt ../../include/uapi/axas/{axas,vcpu}.h
}

# Without Linux' headers, only their macros that matter: seconds. Not its portability checks: GNU C,
# in which the kernel is written, has arithmetic on void pointers. Suppressed:
# - axas_space_supply.c: "err" is set in the body of a do-while
lint_cppcheck() {
	need_packages cppcheck
	cd "$AXAS_SRC"
	cppcheck --quiet --enable=warning --std=c11 -D__KERNEL__ -DCONFIG_X86_64 \
		--include=scripts/cppcheck.macros --suppress=uninitvar:axas_space_supply.c \
		-I include -I include/uapi -I . axas_*.c vcpu 2>&1
}

# Findings of analyzers that are none, as "FILE FUNCTION WARNING", with the reason.
known() {
	cat <<-'EOT'
		# The caller has found the area at this address, and holds the mutex.
		axas_area.c axas_area_cut -Wanalyzer-null-dereference
	EOT
}

# unknown LOG TREE: print the warnings in gcc's log that are not known, each with its function.
unknown() {
	awk -v tree="$2/" '
		NR == FNR { if ($1 != "#") known[$1, $2, $3]; next }
		/: In function / { fn = $NF; gsub(/[^A-Za-z0-9_]/, "", fn) }
		/ warning: .*\[-Wanalyzer/ {
			sub(tree, "")
			file = $0
			sub(/:.*/, "", file)
			option = $NF
			gsub(/[][]/, "", option)
			if (!((file, fn, option) in known))
				print fn ": " $0
		}' <(known) "$1"
}

# The modules alone: no tests, nothing of KUnit.
lint_gcc_analyzer() {
	local kdir tree=$AXAS_LOGS/lint/$TOOL.tree log=$AXAS_LOGS/lint/$TOOL.log

	kdir=$("$AXAS_SCRIPTS/lint-kernel.sh" gcc)
	copy_sources "$tree"
	make -k -C "$tree" KDIR="$kdir" -j"$AXAS_JOBS" KBUILD_MODPOST_WARN=1 cmd_checkdoc=true \
		KCFLAGS=-fanalyzer modules >"$log" 2>&1 || tail -n 15 "$log"
	unknown "$log" "$tree"
}

# The kernel's scripts, but for
# - minmax: an opinion, and a third of the time
# - badzero, check_bq27xxx_data: need a compiler of OCaml; the second is about one driver
lint_coccinelle() {
	local source

	need_packages coccinelle
	source=$("$AXAS_SCRIPTS/kernel-source.sh")
	cd "$AXAS_SRC"
	# shellcheck disable=SC2016  # sh expands it
	find "$source/scripts/coccinelle" -name '*.cocci' | sort |
		grep -vE '/(minmax|badzero|check_bq27xxx_data)\.cocci$' |
		xargs -P "$AXAS_JOBS" -I SCRIPT sh -c '
			options=$(sed -n "s,^/*//* Options: ,,p" SCRIPT | head -n 1)
			spatch --very-quiet -D report $options --cocci-file SCRIPT \
				-I include -I include/uapi -I . axas_*.c vcpu/*.c vcpu/*/*.c 2>"$0" ||
				{ echo "SCRIPT fails:"; cat "$0"; }' "$AXAS_LOGS/lint/$TOOL.err"
}

lint_clang_w1() { compile clang LLVM=1 W=1; }

# All output of a tool is findings; a failure without output is a finding, too.
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
