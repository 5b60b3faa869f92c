# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# For the scripts that run in a virtual machine: suites and single checks, in the
# form that scripts/results.sh reads.

CHECKS=0

# suite NAME COMMAND...: a program that prints TAP.
suite() {
	_name=$1
	shift
	echo "##axas begin $_name"
	echo "axas-suite: begin $_name" >/dev/kmsg
	"$@"
	_rc=$?
	echo "axas-suite: end $_name" >/dev/kmsg
	echo "##axas end $_name $_rc"
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
