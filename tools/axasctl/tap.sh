# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Results as TAP, for the tests in this folder, which source it: ok() for each, done_testing
# at the end.

nr=0
failed=0
out=		# what a failed test shows: the output of the command

ok()	# NAME STATUS
{
	nr=$((nr + 1))
	if [ "$2" -eq 0 ]; then
		echo "ok $nr - $1"
	else
		echo "not ok $nr - $1"
		printf '%s\n' "$out" | sed 's/^/# /'
		failed=1
	fi
}

done_testing()
{
	echo "1..$nr"
	exit $failed
}
