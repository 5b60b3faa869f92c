#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mutate.sh [-n N] [-s SEED] [-f FILE]... [--quick] [--again] [--fresh]: mutation test. Changes
# one line of the core at a time (see mutate.py), N of them (default 50) chosen by SEED
# (default 1), and runs the suites in user space on it: KUnit with its monitor, both models of
# the fuzzer, and threads under ThreadSanitizer; --quick leaves the latter out. The last lines
# are the survivors and the score. "Same code" is a mutation that compiles to the same code.
#
# Verdicts are kept in the log's folder: the same call continues where it was stopped, and
# an unchanged line is not judged again. --again judges survivors again, as after adding a
# test; --fresh discards all verdicts.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# The core as tests/userspace builds it: without the files that speak with user space.
mapfile -t FILES < <(cd "$AXAS_SRC" && printf '%s\n' axas_*.[ch] |
	grep -vE '^axas_(main|file.*|debugfs|compat)\.[ch]$')

# The judges, fastest first: a program and its arguments. axas_oracle is omitted: it takes
# long, and detects few mutations that others do not.
JUDGES=(
	"plain/bin/kunit -x axas_monitor"
	"plain/bin/kunit -x axas_npt_gather"
	"plain/bin/kunit -x axas_machine"
	"plain/bin/kunit -x axas_stress"
	"plain/bin/kunit -x axas_flush"
	"plain/bin/fuzz --model family --programs 60 --shrink 0"
	"plain/bin/fuzz --programs 40 --shrink 0"
	"plain/bin/kunit -x axas_random"
	"plain/bin/kunit -x axas_[a-lr]*"
	"plain/bin/kunit -x axas_s[a-oq-z]*"
	"plain/bin/kunit -x axas_space*"
	"plain/bin/kunit -x axas_npt*"
	"plain/bin/fuzz --model family --seed 1000 --programs 600 --shrink 0"
	"plain/bin/fuzz --seed 1000 --programs 300 --shrink 0"
	"tsan/bin/stress --seconds 4 --format ept"
	"tsan/bin/stress --seconds 4 --format s2"
)

# ask FOLDER CPU WALL PROGRAM ARGUMENT...: run one judge within these limits in seconds. Status
# 0 is "good"; 152: over the limit of CPU time, which load on the machine does not explain,
# ended by SIGXCPU or SIGKILL; 124 or 137: over the limit of wall time.
ask() {
	local tree=$1 cpu=$2 wall=$3 program=$1/tests/userspace/build/$4 start=$SECONDS rc=0

	shift 4
	(
		cd "$tree"
		export TSAN_OPTIONS="halt_on_error=1 suppressions=$tree/tests/userspace/tsan.supp"
		ulimit -c 0
		ulimit -S -t "$cpu"
		ulimit -H -t $((cpu + 2))
		timeout -k 5 "$wall" "$program" "$@"
	) >"$tree/judge.log" 2>&1 || rc=$?
	((rc != 137 || SECONDS - start >= wall)) || rc=152
	return "$rc"
}

# measure FOLDER MODES: time of each judge on the unchanged sources, in seconds rounded up.
measure() {
	local tree=$1 judge words start

	TOOK=()
	for judge in "${JUDGES[@]}"; do
		[[ " $2 " == *" ${judge%%/*} "* ]] || continue
		read -ra words <<<"$judge"
		start=$SECONDS
		ask "$tree" 600 1200 "${words[@]}" || die "$judge fails as it is: $tree/judge.log"
		TOOK+=($((SECONDS - start + 1)))
	done
}

# judge FOLDER MODE: print the first judge of that mode that fails on the build, and how;
# nothing if none does. A judge over the limit of wall time runs again with a longer one.
judge() {
	local tree=$1 mode=$2 i rc cpu wall words

	for i in "${!JUDGES[@]}"; do
		[[ ${JUDGES[i]} == "$mode"/* ]] || continue
		read -ra words <<<"${JUDGES[i]}"
		cpu=$((10 + 4 * TOOK[i])) wall=$((30 + 4 * TOOK[i])) rc=0
		ask "$tree" "$cpu" "$wall" "${words[@]}" || rc=$?
		if ((rc == 124 || rc == 137)); then
			rc=0
			ask "$tree" "$cpu" $((2 * wall)) "${words[@]}" || rc=$?
		fi
		case $rc in
		0) continue ;;
		124 | 137 | 152) echo "killed, without end in ${words[*]:0:4}" ;;
		*) echo "killed by ${words[*]:0:4}" ;;
		esac
		return
	done
}

# build FOLDER MODE: build the programs of the judges of that mode.
build() {
	local programs=stress

	[[ $2 == tsan ]] || programs="kunit fuzz"
	# shellcheck disable=SC2086  # several words
	make -s -C "$1/tests/userspace" -j"$AXAS_JOBS" MODE="$2" $programs >"$1/build.log" 2>&1
}

# Extract the executable code, without debug information.
code_of() {
	llvm-objcopy -S -R .note.gnu.build-id "$1/tests/userspace/build/plain/bin/kunit" "$2"
}

# try_one FOLDER ID FILE MODES: try one mutation, restore the file, and print the verdict.
try_one() {
	local tree=$1 id=$2 file=$3 modes=$4 verdict

	cp -p "$tree/$file" "$tree/original"
	(cd "$tree" && python3 "$AXAS_SCRIPTS/mutate.py" apply "$id" "$file")
	if ! build "$tree" plain; then
		verdict="did not build"
	else
		code_of "$tree" "$tree/code"
		if cmp -s "$tree/code" "$tree/code.original"; then
			verdict="same code"
		else
			verdict=$(judge "$tree" plain)
			[[ -n $verdict || $modes == plain ]] || ! build "$tree" tsan ||
				verdict=$(judge "$tree" tsan)
		fi
	fi
	cp "$tree/original" "$tree/$file"
	echo "${verdict:-survived}"
}

score() {
	awk -F'\t' '
	$2 ~ /^killed/ { killed++ }
	$2 ~ /without end/ { hung++ }
	$2 == "survived" { survived++; print "survived: " $3 ": " $4 ": " $5 }
	$2 == "same code" || $2 == "did not build" { none++ }
	END {
		n = killed + survived
		printf "mutation score: %d of %d killed (%.0f %%), %d of them as they never end; %d that are none\n",
			killed, n, n ? 100 * killed / n : 0, hung, none
	}' "$1"
}

main() {
	local n=50 seed=1 again='' fresh='' modes="plain tsan" mode files=() tree=$AXAS_LOGS/mutate
	local results id where what changed verdict

	while (($#)); do
		case $1 in
		-n) n=$2; shift 2 ;;
		-s) seed=$2; shift 2 ;;
		-f) files+=("$2"); shift 2 ;;
		--quick) modes=plain; shift ;;
		--again) again=1; shift ;;
		--fresh) fresh=1; shift ;;
		*) sed -n '/^# mutate.sh/,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
		esac
	done
	((${#files[@]})) || files=("${FILES[@]}")
	need_packages clang libclang-rt-dev llvm make libc6-dev python3
	lock "mutate-$(basename "$AXAS_LOGS")"
	results=$AXAS_LOGS/mutate.results
	[[ -z $fresh ]] || rm -f "$results"
	mkdir -p "$AXAS_LOGS"
	touch "$results"
	[[ -z $again ]] || sed -i '/^[0-9a-f]*\tsurvived\t/d' "$results"
	[[ -d $tree ]] && mv "$tree/tests/userspace/build" "$AXAS_LOGS/mutate-build"
	copy_sources "$tree"
	[[ ! -d $AXAS_LOGS/mutate-build ]] || mv "$AXAS_LOGS/mutate-build" "$tree/tests/userspace/build"
	# Objects of the last mutation are newer than the restored file.
	(cd "$tree" && touch "${FILES[@]}" "${files[@]}")
	for mode in $modes; do
		build "$tree" "$mode" || die "it does not build as it is: $tree/build.log"
	done
	measure "$tree" "$modes"
	code_of "$tree" "$tree/code.original"
	(cd "$tree" && python3 "$AXAS_SCRIPTS/mutate.py" list "${files[@]}") >"$tree/all"
	(cd "$tree" && python3 "$AXAS_SCRIPTS/mutate.py" sample "$n" "$seed" "${files[@]}") >"$tree/chosen"
	: >"$tree/now"
	while IFS=$'\t' read -r id where what changed; do
		if ! grep -q "^$id	" "$results"; then
			verdict=$(try_one "$tree" "$id" "${where%:*}" "$modes" </dev/null)
			printf '%s\t%s\t%s\t%s\t%s\n' "$id" "$verdict" "$where" "$what" "$changed" >>"$results"
		fi
		grep "^$id	" "$results" | tail -n 1 | tee -a "$tree/now" | cut -f2-
	done <"$tree/chosen"
	echo "$(wc -l <"$tree/all") mutations in all, $n tried"
	score "$tree/now"
}

main "$@"
