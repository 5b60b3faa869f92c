#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# prove.sh [--large] [--mutants] [PART...]: run the proofs, see Documentation/proofs.md.
# Default: the first two PARTs of
#
#   litmus   herd7: each barrier in the kernel's memory model, and without the barrier
#   cbmc     CBMC: entries, addresses and ranges for all values; mutants that must fail
#   barriers only check that each barrier of the sources has a litmus test
#   codec:ept, and so on: one proof of cbmc; with --mutants its mutants, too
#
# --large   instead of cbmc's proofs: operations on all shapes of small tables, lookups on those of
#           all formats, without mutants: 25 minutes of one CPU
#
# Both tools come from Debian, unpacked with the C library that they need, and are kept in
# the cache; or from PATH, if a recent enough one is there. The last lines are totals of the
# proofs.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

PROOFS=$AXAS_SRC/proofs
LARGE=
CHOSEN=()
MUTANTS=
FAILED=0

# The headers of Linux that the core's files include: linux.h replaces all of them.
HEADERS='#include <(linux|asm|trace)/[a-z0-9_/]+\.h>'

# Configuration for proofs of the algorithm: tables of 4 entries, and the pages that the ranges of
# operations begin and end at.
SMALL=(-DAXAS_NPT_LEVEL_BITS=2)
QUICK_RANGES=('-DFROMS=0,2' '-DTOS=4,8')
LARGE_RANGES=('-DFROMS=0,1' '-DTOS=8')

FORMATS=(ept svm s2 gstage fake)
OPERATIONS=(map unmap protect split collapse)

# What the first two entries of a root are, as in proofs/cbmc/small.c: two digits of base 5.
SHAPES=25

pass() { record "pass prove.$1"; }
fail() { record "fail prove.$1"; FAILED=1; echo "failed: $1"; }

# program_in ROOT PROGRAM FILE: make FILE run ROOT's PROGRAM, with ROOT's own loader.
program_in() {
	local root=$1 loader libc

	loader=$(find "$root" -name 'ld-linux*.so.*' -path '*lib*' | head -n 1)
	libc=$(find "$root" -name libc.so.6 | head -n 1)
	[[ -n $loader && -n $libc && -x $root/usr/bin/$2 ]] || return 1
	cat >"$3" <<-END
		#!/bin/sh
		exec '$loader' --library-path '$(dirname "$libc"):$root/usr/lib' --argv0 '$2' '$root/usr/bin/$2' "\$@"
	END
	chmod +x "$3"
}

# works PROGRAM MINIMUM: check that it starts, and is recent enough.
works() {
	local version

	version=$({ "$1" --version || "$1" -version; } 2>/dev/null | grep -oE '[0-9]+\.[0-9]+' | head -n 1) || return 1
	[[ $(printf '%s\n' "$2" "$version" | sort -V | head -n 1) == "$2" ]]
}

# tool PACKAGE MINIMUM "SUITE..." "PROGRAM..." LIBRARY...: put PROGRAMs into $BIN. First from
# PATH; then PACKAGE and the LIBRARYs by name, from one suite after the other, as archives
# may be inconsistent; then with all dependencies of PACKAGE.
tool() {
	local package=$1 minimum=$2 suites=$3 programs=$4 suite way root arch
	local first=${4%% *}

	shift 4
	if command -v "$first" >/dev/null && works "$first" "$minimum"; then
		log "$package: $(command -v "$first")"
		return
	fi
	arch=$(dpkg --print-architecture)
	for way in names root; do
		for suite in $suites; do
			if [[ $way == names ]]; then
				root=$("$AXAS_SCRIPTS/debs.sh" "$arch" "$suite" "$package" "$@") || continue
			else
				root=$("$AXAS_SCRIPTS/debs.sh" --root "$suite" "$package") || continue
			fi
			if unpacked "$root" "$minimum" "$programs"; then
				log "$package: from $suite, in $root"
				return
			fi
		done
	done
	die "no $package of version $minimum or later in any of: PATH $suites"
}

unpacked() {
	local program

	for program in $3; do
		program_in "$1" "$program" "$BIN/$program" || return 1
	done
	works "$BIN/${3%% *}" "$2"
}

# ---- litmus

# Every barrier in the sources has a test with the line
# "covers: FILE FUNCTION PRIMITIVE", with x2 and so on for more than one.
barriers() {
	(cd "$AXAS_SRC" && find . \( -name kunit -o -name oracle -o -name tests -o -name bench \
		-o -name proofs -o -name tools -o -name lib -o -name .git \) -prune \
		-o -name '*.[ch]' -print0 | xargs -0 awk -f "$AXAS_SCRIPTS/barriers.awk" | sort -u)
}

covered() {
	{
		sed -n 's/^ \* covers: //p' "$PROOFS"/litmus/*.litmus
		sed '/^#/d; s/\t.*//' "$PROOFS/litmus/not-modelled"
	} | sort -u
}

check_barriers() {
	local missing gone

	missing=$(comm -23 <(barriers) <(covered))
	gone=$(comm -13 <(barriers) <(covered))
	if [[ -n $missing$gone ]]; then
		printf '%s\n' "no litmus test covers, or not that many:" "${missing:-none}" \
			"litmus tests cover what is not there, or not that many:" "${gone:-none}"
		fail "litmus: every barrier in the sources has a test"
	else
		pass "litmus: every barrier in the sources has a test"
	fi
	BARRIERS=$(covered | wc -l)
}

# herd PATTERN ARGUMENT...: run herd7 on matching files, AXAS_JOBS at once.
herd() {
	local pattern=$1

	shift
	find "$WORK/litmus" -name "$pattern" -print0 | sort -z | xargs -0 -n 16 -P "$AXAS_JOBS" \
		"$BIN/herd" "$@" >>"$WORK/herd.log" 2>&1 || true
}

# From herd7's log and the plan: a version must be Never; a twin without barrier Sometimes.
judge() {
	awk '
	FNR == NR {
		if ($1 == "Observation")
			seen[$2] = $3
		if ($1 == "Flag" && $2 == "data-race")
			race[test] = 1
		if ($1 == "Test")
			test = $2
		next
	}
	{
		name = $1 ($2 == "base" ? "" : ($3 == "Never" ? ", also with " : " without ") $2)
		if (!(name in want)) {
			order[++n] = name
			want[name] = $3
			got[name] = "Never"
		}
		file = $4
		sub(/\.litmus$/, "", file)
		if (!(file in seen) || race[file])
			got[name] = "nothing from herd7, or a race, in " file
		else if (seen[file] != "Never" && got[name] == "Never")
			got[name] = "Sometimes"
	}
	END {
		for (i = 1; i <= n; i++) {
			name = order[i]
			if (got[name] == want[name])
				print "pass prove.litmus: " name
			else
				print "fail prove.litmus: " name ": " got[name] ", not " want[name]
		}
	}' "$WORK/herd.log" "$WORK/plan"
}

prove_litmus() {
	local model results

	tool herdtools7 7.58 "sid forky" herd7 libc6 libgmp10
	need_packages python3
	model=$("$AXAS_SCRIPTS/kernel-source.sh")/tools/memory-model
	mkdir -p "$WORK/litmus"
	: >"$WORK/herd.log"
	# The script tells herd7 the folder of its models.
	printf '#!/bin/sh\ncd "%s" && exec "%s" %s "$@"\n' "$model" "$(type -P herd7)" \
		"$(herd_libdir)" >"$BIN/herd"
	chmod +x "$BIN/herd"
	python3 "$PROOFS/litmus/expand.py" "$WORK/litmus" "$PROOFS"/litmus/*.litmus >"$WORK/plan"
	herd 'arm64-*.litmus' -variant vmsa,ets2
	herd '[!a]*.litmus' -conf linux-kernel.cfg
	results=$(judge)
	record "$results"
	if grep '^fail' <<<"$results"; then
		FAILED=1
	fi
	check_barriers
	LITMUS="litmus: $(cut -d' ' -f1 "$WORK/plan" | sort -u | wc -l) tests of $BARRIERS barriers, $(
		grep -c '^pass .* without ' <<<"$results" || true) twins without one, $(
		wc -l <"$WORK/plan") runs of herd7"
}

# The folder of herd7's models, if it differs from the compiled-in one.
herd_libdir() {
	local dir

	dir=$(sed -n "s/^exec '\(.*\)' --library-path.*/\1/p" "$BIN/herd7" 2>/dev/null || true)
	[[ -n $dir ]] || return 0
	dir=$(find "${dir%%/usr/*}/usr/share/herdtools7" -type d -name herd | head -n 1)
	printf -- "-set-libdir '%s'" "$dir"
}

# ---- CBMC

# Put the core's files into $WORK/sources, and linux.h in place of each header that they need.
sources() {
	local header dir=$WORK/sources

	mkdir -p "$dir" "$WORK/headers/shim"
	(cd "$AXAS_SRC" && cp -a axas_*.[ch] include oracle proofs "$dir/")
	cp "$AXAS_SRC/tests/userspace/include/shim/trace.h" "$WORK/headers/shim/"
	while read -r header; do
		mkdir -p "$WORK/headers/$(dirname "$header")"
		echo '#include "linux.h"' >"$WORK/headers/$header"
	done < <(cd "$dir" && grep -rhoE "$HEADERS" axas_*.[ch] include |
		sed 's/.*<\(.*\)>/\1/' | sort -u)
}

# goto_of FOLDER OUT PROOF DEFINE...: compile a proof, named HARNESS:VARIANT[:OPERATION[:SHAPE]].
goto_of() {
	local dir=$1 out=$2 harness variant operation shape files=()

	IFS=: read -r harness variant operation shape <<<"$3"
	shift 3
	files=("proofs/cbmc/$harness.c")
	case $harness in
	addr) set -- "$@" "-DKIND=$variant" ;;
	npt) set -- "$@" "-DFORMAT_$variant" "${SMALL[@]}" ;;
	small)
		set -- "$@" "-DFORMAT_$variant" "-DOP_$operation" "-DSHAPE=$shape" "${SMALL[@]}" \
			"${RANGES[@]}"
		;;
	codec | geometry)
		set -- "$@" "-DFORMAT_$variant"
		[[ $variant == fake ]] || files+=(oracle/oracle.c "oracle/oracle_$variant.c")
		;;
	esac
	(cd "$dir" && goto-cc "$@" -I "$WORK/headers" -I proofs/cbmc -I . -I include \
		-I include/uapi "${files[@]}" -o "$out.1" &&
		goto-instrument --value-set-fi-fp-removal "$out.1" "$out") >"$out.log" 2>&1
}

# Limits of unwinding for loops and recursion. CBMC proves that they suffice.
bounds_of() {
	local variant

	case $1 in
	npt:*)
		IFS=: read -r _ variant _ <<<"$1"
		echo --unwind 6 --unwindset "init_needs.0:8,axas_npt_made.0:9,${variant}_next_in_table:1"
		;;
	small:*) echo --unwind 12 --object-bits 12 ;;
	*) echo --unwind 18 ;;
	esac
}

# Run one proof in its folder $WORK/proofs/PROOF, and write the verdict to the file "result".
prove_one() {
	local proof=$1 dir=$WORK/proofs/$1 start=$SECONDS

	mkdir -p "$dir"
	if ! goto_of "$WORK/sources" "$dir/goto" "$proof" ||
		! goto_of "$WORK/sources" "$dir/reached" "$proof" -DREACHED; then
		echo "fail prove.cbmc: $proof: does not compile, log: $dir" >"$dir/result"
		return
	fi
	# shellcheck disable=SC2046  # one word each
	cbmc "$dir/goto" $(bounds_of "$proof") --unwinding-assertions --trace >"$dir/log" 2>&1 || true
	# shellcheck disable=SC2046
	cbmc "$dir/reached" $(bounds_of "$proof") --no-standard-checks --slice-formula \
		>"$dir/reached.log" 2>&1 || true
	echo "$((SECONDS - start)) s" >"$dir/seconds"
	if ! grep -q '^VERIFICATION SUCCESSFUL' "$dir/log"; then
		grep -E ': FAILURE$' "$dir/log" | sed "s/^/$proof: /" || true
		echo "fail prove.cbmc: $proof: see $dir/log"
	elif grep -q ' reached: .*: SUCCESS$' "$dir/reached.log" ||
		! grep -q '^VERIFICATION \(FAILED\|SUCCESSFUL\)' "$dir/reached.log"; then
		grep ' reached: .*: SUCCESS$' "$dir/reached.log" | sed "s/^/$proof: never /" || true
		echo "fail prove.cbmc: $proof: it assumes what cannot be"
	else
		echo "pass prove.cbmc: $proof"
	fi >"$dir/result"
}

# Try one line of the list of mutants: PROOF FILE SED-EXPRESSION. A claim must fail.
try_mutant() {
	local number=$1 proof=$2 file=$3 change=$4 dir=$WORK/mutants/$1

	mkdir -p "$dir"
	# Hard links are faster; sed breaks the link of the file it changes.
	cp -al "$WORK/sources" "$dir/sources"
	sed -i "$change" "$dir/sources/$file"
	if cmp -s "$dir/sources/$file" "$WORK/sources/$file"; then
		echo "fail prove.mutants: $proof: '$change' changes nothing in $file"
	elif ! goto_of "$dir/sources" "$dir/goto" "$proof"; then
		echo "fail prove.mutants: $proof: '$change' does not compile, log: $dir"
	else
		# shellcheck disable=SC2046
		cbmc "$dir/goto" $(bounds_of "$proof") --no-standard-checks >"$dir/log" 2>&1 || true
		if grep -q ' claim: .*: FAILURE$' "$dir/log"; then
			echo "pass prove.mutants: $proof: $file: $change"
		else
			echo "fail prove.mutants: $proof: nobody notices '$change' in $file"
		fi
	fi >"$dir/result"
	rm -rf "$dir/sources"
}

# The proofs of --large; of svm, the shapes of make prove.
large_proofs() {
	local operation shape

	for operation in "${OPERATIONS[@]}"; do
		for ((shape = 0; shape < SHAPES; shape++)); do
			echo "small:fake:$operation:$shape"
		done
	done
	sed -n 's/^small:fake:/small:svm:/p' "$PROOFS/cbmc/quick"
	printf 'npt:%s:look\n' "${FORMATS[@]}"
}

# The proofs of this run, the longest first.
proofs() {
	local format

	if ((${#CHOSEN[@]})); then
		printf '%s\n' "${CHOSEN[@]}"
		return
	fi
	if [[ $LARGE ]]; then
		large_proofs
		return
	fi
	cat "$PROOFS/cbmc/quick"
	printf 'addr:%s\n' gpa hpa gva
	for format in "${FORMATS[@]}"; do
		printf '%s\n' "codec:$format" "geometry:$format"
	done
	echo space:
}

# Run one of our functions for each line of its input, AXAS_JOBS at a time.
each_line() {
	local line

	while IFS= read -r line; do
		while (($(jobs -rp | wc -l) >= AXAS_JOBS)); do
			wait -n || true
		done
		"$1" "$line" &
	done
	wait
}

mutant_line() {
	local number proof file change

	IFS=$'\t' read -r number proof file change <<<"$1"
	try_mutant "$number" "$proof" "$file" "$change"
}

# The list without comments, numbered; only those of the selected proofs.
mutants() {
	grep -v '^#' "$PROOFS/cbmc/mutants" | awk -v chosen=" ${CHOSEN[*]} " '
		NF && (chosen ~ /^ *$/ || index(chosen, " " $1 " ")) { print NR "\t" $0 }'
}

collect() {
	local results

	results=$(find "$1" -name result -exec cat {} + | grep -E '^(pass|fail) ' | sort || true)
	record "$results"
	find "$1" -name result -exec grep -hvE '^pass ' {} + || true
	if [[ -z $results ]] || grep -q '^fail' <<<"$results"; then
		FAILED=1
	fi
}

with_mutants() { [[ $MUTANTS || (! $LARGE && ${#CHOSEN[@]} -eq 0) ]]; }

prove_cbmc() {
	local claims all

	tool cbmc 6.0 "trixie forky sid" "cbmc goto-cc goto-instrument" libc6 minisat \
		libstdc++6 libgcc-s1
	# goto-cc calls the compiler's preprocessor.
	need_packages gcc
	sources
	each_line prove_one < <(proofs)
	collect "$WORK/proofs"
	if with_mutants; then
		each_line mutant_line < <(mutants)
		collect "$WORK/mutants"
	fi
	claims=$(find "$WORK/proofs" -name log -exec cat {} + | grep -c ' claim: .*: SUCCESS$' || true)
	all=$(find "$WORK/proofs" -name log -exec cat {} + | grep -c ': SUCCESS$' || true)
	CBMC="cbmc: $(find "$WORK/proofs" -name result | wc -l) proofs, $claims claims and $((
		all - claims)) checks of pointers, bounds and arithmetic"
	! with_mutants || CBMC+="; $(
		find "$WORK/mutants" -name result -exec cat {} + | grep -c '^pass' || true) of $(
		mutants | wc -l) mutants noticed"
}

prove_barriers() { check_barriers; }

main() {
	local part parts=()

	while (($#)); do
		case $1 in
		--large) LARGE=1 ;;
		--mutants) MUTANTS=1 ;;
		litmus | cbmc | barriers) parts+=("$1") ;;
		*:*) CHOSEN+=("$1") ;;
		*) usage_error "no part $1" ;;
		esac
		shift
	done
	((${#CHOSEN[@]} == 0)) || parts+=(cbmc)
	((${#parts[@]})) || parts=(litmus cbmc)
	RANGES=("${QUICK_RANGES[@]}")
	[[ -z $LARGE ]] || RANGES=("${LARGE_RANGES[@]}")
	WORK=$AXAS_LOGS/prove
	BIN=$WORK/bin
	lock "prove-$(basename "$AXAS_LOGS")"
	rm -rf "$WORK"
	mkdir -p "$BIN" "$WORK/proofs" "$WORK/mutants"
	PATH=$BIN:$PATH
	for part in "${parts[@]}"; do
		"prove_$part"
	done
	printf '%s\n' "${LITMUS:-}" "${CBMC:-}" | sed '/^$/d'
	((!FAILED))
}

main "$@"
