#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# userspace.sh [--operations N] [SECONDS]: the core as a program (tests/userspace/README.md):
# KUnit, the model fuzzer and libFuzzer under AddressSanitizer and UBSan, threads under
# ThreadSanitizer. The timed programs take SECONDS together (default 60); hours make it a soak,
# in which each run has another seed. --operations: the model fuzzer runs N of them, half with
# each model, however long that takes (10,000,000: half an hour of CPU time). Also one round of
# bench.sh's native measurements, untimed. The last line of each reports the amount of work done.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

OPERATIONS=
if [[ ${1:-} == --operations ]]; then
	[[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage_error "--operations needs a number"
	OPERATIONS=$2
	shift 2
fi
takes 0 1 "$@"
HERE=$AXAS_SRC/tests/userspace
SECONDS_EACH=$((${1:-60} / 6))
# The same operations each time, except in long runs.
SEED=1
((${1:-60} <= 120)) || SEED=$(date +%s)
BUILD=${AXAS_USERSPACE_BUILD:-$AXAS_CACHE/build/userspace-$(basename "$AXAS_LOGS")}
FAILED=0
# Seconds after which a program hangs.
PATIENCE=$((SECONDS_EACH * 2 + 1200))

build() {
	make -s -C "$HERE" -j"$AXAS_JOBS" O="$BUILD" MODE="$1" "${@:2}" >>"$AXAS_LOGS/userspace-build.log" 2>&1
}

# try NAME COMMAND...: record the verdict, and print the summary line of the output.
try() {
	local name=$1 out=$AXAS_LOGS/userspace-$1.log rc=0

	shift
	(cd "$AXAS_LOGS" && timeout "$PATIENCE" "$@") >"$out" 2>&1 || rc=$?
	if ((rc)); then
		FAILED=1
		record "fail userspace: $name"
		echo "userspace: $name failed ($rc), log: $out"
		grep -vE '^ +ok |^ *#0 .*LLVMFuzzer' "$out" | tail -n 30
	else
		record "pass userspace: $name"
		grep -E '^(fuzz|stress|native): |^# .*passed|^stat::number_of_executed|^Done ' "$out" |
			tail -n 1
	fi
}

run_kunit() {
	local bin=$BUILD/asan/bin/kunit suite

	# The oracle's suite takes long, and runs in User Mode Linux.
	for suite in 'axas_[a-n]*' 'axas_[p-z]*'; do
		try "kunit-${suite:6:1}" "$bin" "$suite"
	done
}

# run_model MODEL OPTION VALUE: until that is reached, or half of the operations were run.
run_model() {
	local name=$1

	shift
	if [[ $OPERATIONS ]]; then
		set -- --operations $((OPERATIONS / 2))
		local PATIENCE=$((1200 + OPERATIONS / 1000))
	fi
	try "$name" "$BUILD/asan/bin/fuzz" --model "$name" --seed "$SEED" "$@"
}

run_threads() {
	local format brought

	export TSAN_OPTIONS="halt_on_error=1 history_size=4 suppressions=$HERE/tsan.supp"
	for format in $(formats); do
		for brought in 0 1; do
			try "threads-$format-$brought" "$BUILD/tsan/bin/stress" \
				--seconds "$((SECONDS_EACH / 2))" --format "$format" \
				--seed "$SEED" --brought "$brought"
		done
	done
}

# run_libfuzzer NAME ARGUMENT...: it adds to a corpus in the logs' folder.
run_libfuzzer() {
	local name=$1 corpus=$AXAS_LOGS/userspace-corpus-$1

	shift
	mkdir -p "$corpus"
	try "$name" "$BUILD/fuzzer/bin/libfuzzer" -max_total_time="$SECONDS_EACH" -seed="$SEED" \
		-max_len=2048 -rss_limit_mb=6000 -print_final_stats=1 "$corpus" "$@"
}

# The family's model, begun with programs of fuzz.
run_libfuzzer_family() {
	local seeds=$AXAS_LOGS/userspace-seeds i

	mkdir -p "$seeds"
	for i in {1..50}; do
		"$BUILD/asan/bin/fuzz" --model family --write "$seeds/$i" --seed "$i" --ops 80 >/dev/null
	done
	run_libfuzzer libfuzzer-family --model=family "$seeds"
}

main() {
	need_packages clang gcc libclang-rt-dev llvm make libc6-dev
	mkdir -p "$AXAS_LOGS"
	lock "userspace-$(basename "$BUILD")"
	: >"$AXAS_LOGS/userspace-build.log"
	if ! { build asan kunit fuzz && build tsan stress waits && build fuzzer libfuzzer &&
		build retpoline native; }; then
		tail -n 30 "$AXAS_LOGS/userspace-build.log"
		die "it does not build: $AXAS_LOGS/userspace-build.log"
	fi
	run_kunit
	run_model space --seconds "$SECONDS_EACH"
	run_model family --programs $((${1:-60} * 5 / 2))
	run_threads
	run_libfuzzer libfuzzer "$HERE/corpus"
	((${1:-60} <= 120)) || run_libfuzzer_family
	try native "$BUILD/retpoline/bin/native" 1
	return "$FAILED"
}

main "$@"
