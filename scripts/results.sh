#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# results.sh NAME FOLDER: read the logs of a virtual machine in FOLDER (guest.log,
# kernel.log) and print a line for each test, "pass NAME.SUITE: TEST" or "fail ...".
# A suite that did not end, or failed without a failed test, or a kernel that reported
# a bug, counts as a failed test, too.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# section SUITE MARK LOG: print the lines of a suite in one of the logs.
section() {
	tr -d '\r' <"$3" | sed -n "/$2 begin $1\$/,/$2 end $1\( \|\$\)/p"
}

suite_results() {
	local name=$1 suite=$2 dir=$3 results status

	results=$(section "$suite" '^##axas' "$dir/guest.log" |
		awk -v suite="$name.$suite" -f "$AXAS_SCRIPTS/ktap.awk")
	# KUnit reports in the kernel's log.
	results+=$'\n'$(section "$suite" 'axas-suite:' "$dir/kernel.log" |
		awk -v suite="$name.$suite" -f "$AXAS_SCRIPTS/ktap.awk")
	sed '/^$/d' <<<"$results"
	status=$(tr -d '\r' <"$dir/guest.log" | sed -n "s/^##axas end $suite //p")
	if [[ -z $status ]]; then
		echo "fail $name.$suite: did not end"
	elif ! grep -qE '^(pass|fail) ' <<<"$results"; then
		echo "fail $name.$suite: no test ran, status $status"
	elif [[ $status != 0 ]] && ! grep -q '^fail ' <<<"$results"; then
		echo "fail $name.$suite: status $status"
	fi
}

main() {
	local name=${1:-} dir=${2:-} suite suites

	takes 2 2 "$@"
	suites=$(tr -d '\r' <"$dir/guest.log" | sed -n 's/^##axas begin //p')
	for suite in $suites; do
		suite_results "$name" "$suite" "$dir"
	done
	grep -q '^##axas done' "$dir/guest.log" || echo "fail $name: the guest did not reach its end"
	if "$AXAS_SCRIPTS/splats.sh" "$dir/kernel.log" >&2; then
		echo "pass $name: the kernel log is clean"
	else
		echo "fail $name: the kernel log is clean"
	fi
}

main "$@"
