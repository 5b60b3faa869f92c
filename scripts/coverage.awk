# SPDX-License-Identifier: GPL-2.0-only
#
# Sum up an lcov tracefile: executed and total lines, by file and in all. Ends with
# status 1 if less than `minimum` per cent were executed.

$1 == "SF" { n = split($2, part, "/"); file = part[n] }
$1 == "DA" {
	split($2, count, ",")
	there[file]++; all++
	if (count[2] > 0) { run[file]++; done++ }
}
END {
	for (file in there)
		printf "coverage: %-20s %5.1f %% of %d lines\n", file,
			100 * run[file] / there[file], there[file] | "sort"
	close("sort")
	if (!all) { print "coverage: nothing was run"; exit 1 }
	printf "coverage: %-20s %5.1f %% of %d lines\n", "together", 100 * done / all, all
	exit 100 * done / all < minimum
}
