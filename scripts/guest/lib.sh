# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# For the scripts that run in a virtual machine: suites and single checks, in the
# form that scripts/results.sh reads.

CHECKS=0

# suite NAME COMMAND...: a program that prints TAP.
suite() {
	_suite=$1
	shift
	echo "##axas begin $_suite"
	echo "axas-suite: begin $_suite" >/dev/kmsg
	"$@"
	_rc=$?
	echo "axas-suite: end $_suite" >/dev/kmsg
	echo "##axas end $_suite $_rc"
	return $_rc
}

# check NAME COMMAND...: one test of its own.
check() {
	_name=$1
	shift
	CHECKS=$((CHECKS + 1))
	if "$@"; then
		echo "ok $CHECKS $_name"
	else
		echo "not ok $CHECKS $_name"
	fi
}
