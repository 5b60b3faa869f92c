#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mutate.sh [-n N] [-s SEED] [-f FILE]... [--fresh]: do our tests notice? Changes one line of
# the core at a time (see mutate.py), N of them (default 50) chosen by SEED (default 1), and
# lets the suites in user space judge: KUnit with its monitor, the model fuzzer, and threads
# under ThreadSanitizer. The last lines are the survivors and the score.
#
# What was judged is kept in the log's folder: the same call goes on where it was stopped,
# and a line that did not change since is not judged again. --fresh forgets that.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

FILES=(axas_area.c axas_space.c axas_space_map.c axas_space_fault.c axas_space_access.c
	axas_npt.c axas_npt_gather.c axas_linear.c axas_backend.c axas_frame.c axas_addr.c
	axas_npt_algo.h axas_npt.h axas_area.h axas_backend.h axas_space.h axas_hal_linux.c)

# judge FOLDER: who kills what was built there; nothing when nobody does. First who is fast.
judge() {
	local bin=$1/tests/userspace/build suite

	export TSAN_OPTIONS="halt_on_error=1 suppressions=$1/tests/userspace/tsan.supp"
	for suite in 'axas_space*' axas_monitor axas_npt_gather axas_random 'axas_[a-mr]*' \
		'axas_npt*' axas_flush axas_stress; do
		timeout 60 "$bin/plain/bin/kunit" -x "$suite" >"$1/judge.log" 2>&1 ||
			{ echo "kunit $suite"; return; }
	done
	(cd "$1" && timeout 120 "$bin/plain/bin/fuzz" --programs 60 --shrink 0) >"$1/judge.log" 2>&1 ||
		{ echo fuzz; return; }
	timeout 60 "$bin/tsan/bin/stress" --seconds 4 --format ept >"$1/judge.log" 2>&1 ||
		{ echo "stress ept"; return; }
	timeout 60 "$bin/tsan/bin/stress" --seconds 4 --format s2 >"$1/judge.log" 2>&1 ||
		{ echo "stress s2"; return; }
}

build() {
	make -s -C "$1/tests/userspace" -j"$AXAS_JOBS" MODE=plain kunit fuzz >"$1/build.log" 2>&1 &&
		make -s -C "$1/tests/userspace" -j"$AXAS_JOBS" MODE=tsan stress >>"$1/build.log" 2>&1
}

# One mutation, put back afterwards: its verdict.
try_one() {
	local tree=$1 id=$2 file=$3 verdict

	cp -p "$tree/$file" "$tree/original"
	(cd "$tree" && python3 "$AXAS_SCRIPTS/mutate.py" apply "$id" "$file")
	if build "$tree"; then
		verdict=$(judge "$tree")
		verdict=${verdict:+killed by $verdict}
	else
		verdict="did not build"
	fi
	cp "$tree/original" "$tree/$file"
	echo "${verdict:-survived}"
}

score() {
	awk -F'\t' '
	$2 ~ /^killed/ { killed++ }
	$2 == "survived" { survived++; print "survived: " $3 ": " $4 ": " $5 }
	END {
		n = killed + survived
		printf "mutation score: %d of %d killed (%.0f %%)\n", killed, n, n ? 100 * killed / n : 0
	}' "$1"
}

main() {
	local n=50 seed=1 fresh='' files=() tree=$AXAS_LOGS/mutate results id where what changed verdict

	while (($#)); do
		case $1 in
		-n) n=$2; shift 2 ;;
		-s) seed=$2; shift 2 ;;
		-f) files+=("$2"); shift 2 ;;
		--fresh) fresh=1; shift ;;
		*) sed -n '/^# mutate.sh/,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
		esac
	done
	((${#files[@]})) || files=("${FILES[@]}")
	need_packages clang libclang-rt-14-dev llvm make python3
	lock "mutate-$(basename "$AXAS_LOGS")"
	results=$AXAS_LOGS/mutate.results
	[[ -z $fresh ]] || rm -f "$results"
	mkdir -p "$AXAS_LOGS"
	touch "$results"
	[[ -d $tree ]] && mv "$tree/tests/userspace/build" "$AXAS_LOGS/mutate-build"
	copy_sources "$tree"
	[[ ! -d $AXAS_LOGS/mutate-build ]] || mv "$AXAS_LOGS/mutate-build" "$tree/tests/userspace/build"
	# Objects of the last mutation are newer than the file without it.
	(cd "$tree" && touch "${FILES[@]}" "${files[@]}")
	build "$tree" || die "it does not build as it is: $tree/build.log"
	verdict=$(judge "$tree")
	[[ -z $verdict ]] || die "$verdict fails as it is: $tree/judge.log"
	(cd "$tree" && python3 "$AXAS_SCRIPTS/mutate.py" list "${files[@]}") >"$tree/all"
	shuf -n "$n" --random-source=<(yes "$seed") "$tree/all" >"$tree/chosen"
	: >"$tree/now"
	while IFS=$'\t' read -r id where what changed; do
		if ! grep -q "^$id	" "$results"; then
			verdict=$(try_one "$tree" "$id" "${where%:*}")
			printf '%s\t%s\t%s\t%s\t%s\n' "$id" "$verdict" "$where" "$what" "$changed" >>"$results"
		fi
		grep "^$id	" "$results" | tail -n 1 | tee -a "$tree/now" | cut -f2-
	done <"$tree/chosen"
	echo "$(wc -l <"$tree/all") mutations in all, $n tried"
	score "$tree/now"
}

main "$@"
