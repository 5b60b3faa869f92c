# SPDX-License-Identifier: GPL-2.0-only
#
# Sum up an lcov tracefile: executed and total lines of the files whose path matches `files`, each
# and together, as `label`. Write the lines that were not executed to the file `missed`, unless it
# is empty. Ends with status 1 if less than `minimum` per cent were executed.

function name_of(path) {
	if (!sub(/.*\/vcpu\//, "vcpu/", path))
		sub(/.*\//, "", path)
	return path
}

BEGIN {
	FS = ":"
	form = "coverage: %-24s %5.1f %% of %d lines\n"
}
$1 == "SF" { counted = $2 ~ files; file = name_of($2) }
# A file may come several times, as a header of several objects does.
$1 == "DA" && counted {
	split($2, count, ",")
	line = file ":" count[1]
	if (!(line in runs)) {
		order[++nr] = line
		there[file]++
	}
	if (count[2] > 0 && !runs[line])
		run[file]++
	runs[line] += count[2]
}
END {
	if (!nr) { print "coverage: nothing was run"; exit 1 }
	for (file in there) {
		printf form, file, 100 * run[file] / there[file], there[file] | "sort"
		done += run[file]
	}
	close("sort")
	printf form, label, 100 * done / nr, nr
	for (i = 1; missed && i <= nr; i++)
		if (!runs[order[i]])
			print order[i] >missed
	exit 100 * done / nr < minimum
}
