#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# planted.sh [NAME...]: test the test instruments. Each fault of tests/planted/faults is
# planted into a copy of the sources, and every instrument runs on it: a fault that fewer
# than two of them detect is a failure. The instruments are
#
#   kunit    the KUnit suites in user space, without those of the next two
#   monitor  complaints of the monitor of flushes and frames in any suite
#   oracle   the KUnit suite that compares with an independent reading of the manuals
#   fuzz     random programs compared with a model
#   threads  guests, hosts and map operations under ThreadSanitizer, with EPT and arm64's format
#   litmus   the barriers of the sources against the litmus tests' list
#   cbmc     the proof that the fault's line names
#
# Default: all faults. Logs are kept in the log folder's planted/.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

FAULTS=$AXAS_SRC/tests/planted/faults
OUT=$AXAS_LOGS/planted
TREE=$OUT/tree
BIN=$TREE/tests/userspace/build

# Messages of the monitor (kunit/monitor.c).
MONITOR='given back (before the flush|while)|a flush is missing|becomes .* in one step'
MONITOR+='|made before the flush|linked (with what was there|twice)|leads to|hardware refuses'

build() {
	make -s -C "$TREE/tests/userspace" -j"$AXAS_JOBS" MODE=plain kunit fuzz >"$1" 2>&1 &&
		make -s -C "$TREE/tests/userspace" -j"$AXAS_JOBS" MODE=tsan stress >>"$1" 2>&1
}

# notices LOG COMMAND...: succeed if the command fails.
notices() {
	local logfile=$1

	shift
	! timeout 300 "$@" >"$logfile" 2>&1 </dev/null
}

# Run prove.sh on the copy.
PROVER=(env "AXAS_SRC=$TREE" "AXAS_LOGS=$OUT/prove" AXAS_RESULTS=/dev/null "$AXAS_SCRIPTS/prove.sh")

# look DIR PROOF: print the instruments that detect the planted fault, one a line.
look() {
	local dir=$1 proof=$2 suite format

	for suite in 'axas_[a-n]*' 'axas_[p-z]*'; do
		if notices "$dir/kunit-${suite:6:1}.log" "$BIN/plain/bin/kunit" "$suite"; then
			grep -qE "$MONITOR" "$dir/kunit-${suite:6:1}.log" && echo monitor
			echo kunit
		fi
	done
	notices "$dir/oracle.log" "$BIN/plain/bin/kunit" axas_oracle steps=2000 && echo oracle
	notices "$dir/fuzz.log" "$BIN/plain/bin/fuzz" --programs 100 --shrink 0 && echo fuzz
	for format in ept s2; do
		notices "$dir/threads-$format.log" "$BIN/tsan/bin/stress" --seconds 5 \
			--format "$format" && echo threads
	done
	notices "$dir/litmus.log" "${PROVER[@]}" barriers && echo litmus
	[[ $proof != - ]] && notices "$dir/cbmc.log" "${PROVER[@]}" "$proof" && echo cbmc
	return 0
}

# plant NAME FILE CHANGE PROOF
plant() {
	local name=$1 file=$2 change=$3 proof=$4 dir=$OUT/$1 seen

	mkdir -p "$dir"
	cp -p "$TREE/$file" "$OUT/original"
	sed -i "$change" "$TREE/$file"
	if cmp -s "$TREE/$file" "$OUT/original"; then
		seen=nothing
		record "fail planted: $name: changes nothing in $file"
	elif ! build "$dir/build.log"; then
		seen="the compiler"
		record "fail planted: $name: does not build: $dir/build.log"
	else
		seen=$(cd "$dir" && look "$dir" "$proof" | sort -u | paste -sd' ')
		if [[ $seen == *' '* ]]; then
			record "pass planted: $name"
		else
			record "fail planted: $name: seen by ${seen:-nobody}"
		fi
	fi
	# Newer than the objects built from the change.
	cp "$OUT/original" "$TREE/$file"
	printf '%-20s %s\n' "$name" "${seen:-nobody}"
	[[ $seen == *' '* && $seen != the* ]]
}

main() {
	local name file change proof failed=0 seen

	takes 0 99 "$@"
	need_packages clang libclang-rt-dev llvm make libc6-dev
	export TSAN_OPTIONS="halt_on_error=1 history_size=4 suppressions=$TREE/tests/userspace/tsan.supp"
	lock "planted-$(basename "$AXAS_LOGS")"
	# The last run's build saves most of the time.
	if [[ -d $BIN ]]; then
		mv "$BIN" "$AXAS_LOGS/planted-build"
	fi
	rm -rf "$OUT"
	copy_sources "$TREE"
	[[ ! -d $AXAS_LOGS/planted-build ]] || mv "$AXAS_LOGS/planted-build" "$BIN"
	# Objects of the last fault are newer than the restored file.
	(cd "$TREE" && sed -n 's/^[a-z][^\t]*\t\([^\t]*\)\t.*/\1/p' "$FAULTS" | xargs touch)
	build "$OUT/build.log" || die "it does not build as it is: $OUT/build.log"
	mkdir "$OUT/as-it-is"
	seen=$(look "$OUT/as-it-is" codec:ept | paste -sd' ')
	[[ -z $seen ]] || die "seen where nothing is planted, by: $seen; logs: $OUT/as-it-is"
	while IFS=$'\t' read -r name file change proof; do
		[[ $name && $name != '#'* ]] || continue
		(($# == 0)) || [[ " $* " == *" $name "* ]] || continue
		plant "$name" "$file" "$change" "$proof" || failed=1
	done <"$FAULTS"
	return "$failed"
}

main "$@"
