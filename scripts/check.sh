#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# check.sh [PART...]: run all tests, or only some parts:
#
#   um        KUnit in User Mode Linux
#   userspace the core as a program: ASAN with a fuzzer, TSAN with threads
#   x86_64    KUnit by kunit.py in QEMU, on a kernel with every debug option
#   kcsan     the same on a kernel with KCSAN: data races
#   vm-debug  the debug kernel with us as modules: KUnit, user API, vCPUs, leaks
#   vm-stock  Debian's stock kernel: user API, loading and unloading
#   vm-newer  the same on 7.2, of a later Debian
#   arm64     Debian's stock kernel at EL2: hardware walks, vCPUs with guests
#   riscv64   the same with the hypervisor extension
#   bochs     Debian's cloud kernel on Intel VMX: vCPUs with guests
#   matrix    builds for other kernels and architectures
#   tools     what the command line tool can be tested for without the module
#   bench     whether an operation takes more instructions than bench/baseline.json says
#   lint      checkpatch, kernel-doc, sparse, warnings, shellcheck
#
# Without a PART it is all but x86_64, kcsan and vm-newer, whose tests run in other parts
# as well.
# The first run downloads and builds kernels (15 minutes on 2 CPUs), later ones take
# them from the cache. The last line is "N passed, M failed"; the status is 0 if M is
# none and N is some. A part that cannot run is a failure.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

PARTS=(lint um userspace matrix tools vm-stock bench arm64 riscv64 bochs vm-debug)

part_um() { "$AXAS_SCRIPTS/kunit.sh" um; }
part_userspace() { "$AXAS_SCRIPTS/userspace.sh"; }
part_x86_64() { "$AXAS_SCRIPTS/kunit.sh" x86_64; }
part_kcsan() { "$AXAS_SCRIPTS/kunit.sh" kcsan 'axas_s*'; }
part_vm-debug() { "$AXAS_SCRIPTS/vm-check.sh" debug; }
part_vm-stock() { "$AXAS_SCRIPTS/vm-check.sh" stock; }
part_vm-newer() { "$AXAS_SCRIPTS/vm-check.sh" newer; }
part_matrix() { "$AXAS_SCRIPTS/build-matrix.sh"; }
part_arm64() { "$AXAS_SCRIPTS/arm64.sh"; }
part_riscv64() { "$AXAS_SCRIPTS/riscv64.sh"; }
part_bochs() { "$AXAS_SCRIPTS/bochs-check.sh"; }
part_bench() { "$AXAS_SCRIPTS/bench.sh" --check; }
part_lint() { "$AXAS_SCRIPTS/lint.sh"; }

part_tools() {
	need_packages gcc make libc6-dev libjson-c-dev libmd-dev
	copy_sources "$AXAS_LOGS/tools"
	make -C "$AXAS_LOGS/tools/tools/axasctl" all
	make -C "$AXAS_LOGS/tools/tools/axasctl" check | tee "$AXAS_LOGS/tools.tap"
	record "$(awk -v suite=tools.axasctl -f "$AXAS_SCRIPTS/ktap.awk" "$AXAS_LOGS/tools.tap")"
}

# summary FILE: a line for each suite, then what failed.
summary() {
	awk '
	{
		suite = substr($0, length($1) + 2)
		sub(/: .*/, "", suite)
		if (!(suite in seen)) {
			seen[suite] = 1
			order[++n] = suite
		}
		count[suite, $1]++
	}
	END {
		for (i = 1; i <= n; i++) {
			s = order[i]
			printf "  %-44s %4d passed, %d failed", s, count[s, "pass"], count[s, "fail"]
			if (count[s, "skip"])
				printf ", %d skipped", count[s, "skip"]
			printf "\n"
		}
	}' "$1"
	sed -n 's/^fail /  FAILED: /p' "$1"
}

# One part: its own results, and a failure if it failed without telling of one.
run_part() {
	local part=$1 start=$SECONDS rc=0

	export AXAS_RESULTS=$AXAS_LOGS/$part.results
	: >"$AXAS_RESULTS"
	log "== $part"
	run_logged "$part" "$AXAS_LOGS/$part.log" "part_$part" || rc=$?
	if ((rc)) && ! grep -q '^fail ' "$AXAS_RESULTS"; then
		record "fail $part: could not run, status $rc; see $AXAS_LOGS/$part.log"
	elif ! grep -qE '^(pass|fail) ' "$AXAS_RESULTS"; then
		record "fail $part: no test ran; see $AXAS_LOGS/$part.log"
	fi
	echo "$part ($((SECONDS - start)) s)"
	summary "$AXAS_RESULTS"
}

main() {
	local part passed=0 failed=0

	case ${1:-} in
	-h | --help) sed -n '/^# check.sh/,/^$/s/^# \{0,1\}//p' "$0"; return ;;
	esac
	(($#)) || set -- "${PARTS[@]}"
	for part in "$@"; do
		declare -F "part_$part" >/dev/null || die "no part $part; there are: ${PARTS[*]}"
	done
	mkdir -p "$AXAS_LOGS"
	lock "check-$(basename "$AXAS_LOGS")"
	for part in "$@"; do
		run_part "$part"
		passed=$((passed + $(grep -c '^pass ' "$AXAS_LOGS/$part.results" || true)))
		failed=$((failed + $(grep -c '^fail ' "$AXAS_LOGS/$part.results" || true)))
	done
	echo "logs: $AXAS_LOGS"
	echo "$passed passed, $failed failed"
	((failed == 0 && passed > 0))
}

main "$@"
