# SPDX-License-Identifier: GPL-2.0-only
#
# ktap.awk: count the test cases in a log that contains KTAP or TAP.
#
# Prints one line per leaf, "pass SUITE: NAME", "fail ..." or "skip ...". A result that
# sums up others (a suite, a parameterized case) is no leaf, but one that failed
# although all below it passed is a failure of its own. A plan (1..N) that does not match
# the number of results is a failure: the run ended early.
#
# -v suite=NAME puts NAME before every suite's name.

# The outermost named group is the suite; names of inner groups precede the test's.
function emit(verdict, depth, name,	i, top, inner)
{
	for (i = 0; i <= depth; i++) {
		if (!(i in title) || title[i] == "")
			continue
		if (top == "")
			top = title[i]
		else
			inner = inner title[i] ": "
	}
	print verdict, suite (suite != "" && top != "" ? "." : "") top ": " inner name
}

# A group of results at depth d is complete: check its plan.
function close_group(d)
{
	if ((d in plan) && plan[d] != count[d])
		emit("fail", d, plan[d] " planned, " count[d] + 0 " seen")
	delete plan[d]
	delete count[d]
	delete title[d]
	delete failed[d]
}

function close_deeper(d,	i, any)
{
	any = 0
	for (i = 64; i > d; i--) {
		if (i in count || i in plan) {
			any = 1
			bad_below += failed[i]
			close_group(i)
		}
	}
	return any
}

{
	sub(/\r$/, "")
	sub(/^(<[0-9]+>)?\[ *[0-9]+\.[0-9]+\](\[ *[TC][0-9]+\])? /, "")
	match($0, /^ */)
	depth = RLENGTH
	line = substr($0, depth + 1)
}

line ~ /^# Subtest: / {
	bad_below = 0
	close_deeper(depth - 1)
	title[depth] = substr(line, 12)
	next
}

line ~ /^1\.\.[0-9]+$/ {
	n = substr(line, 4) + 0
	# A plan may also follow its results.
	if ((depth in count) && !(depth in plan) && count[depth] == n) {
		close_deeper(depth - 1)
		next
	}
	name = title[depth]
	bad_below = 0
	close_deeper(depth - 1)
	title[depth] = name
	plan[depth] = n
	next
}

line ~ /^(not )?ok [0-9]+/ {
	bad_below = 0
	summary = close_deeper(depth)
	count[depth]++
	good = line !~ /^not /
	skip = line ~ /# *SKIP/
	name = line
	sub(/^(not )?ok [0-9]+( -)? */, "", name)
	sub(/ *# *SKIP.*$/, "", name)
	if (!good)
		failed[depth]++
	if (!summary)
		emit(skip ? "skip" : good ? "pass" : "fail", depth, name)
	else if (!good && !bad_below)
		emit("fail", depth, name " as a whole")
	next
}

END {
	close_deeper(-1)
}
