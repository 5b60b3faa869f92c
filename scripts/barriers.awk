# SPDX-License-Identifier: GPL-2.0-only
#
# Print the memory barriers of C sources, a line for each function and primitive:
#
#   FILE FUNCTION PRIMITIVE [xCOUNT]
#
# with the count if there are several. A dsb includes its operand, also in inline assembly.

BEGIN {
	PRIMITIVES = "^(smp_(mb|rmb|wmb|mb__[a-z_]+|store_release|load_acquire|store_mb|cond_load_acquire)" \
		"|synchronize_rcu[a-z_]*|test_and_(set|clear)_bit(_lock)?|clear_bit_unlock" \
		"|(try_)?cmpxchg(_[a-z]+)?|xchg(_[a-z]+)?|dsb)$"
}

FNR == 1 {
	comment = 0
	fn = "-"
}

{
	line = $0
	if (comment) {
		if (!sub(/^.*\*\//, "", line))
			next
		comment = 0
	}
	gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", line)
	comment = sub(/\/\*.*/, "", line)
}

# A function's start: begins in the first column, has a parameter list, and is no declaration.
line ~ /^[A-Za-z_].*\(/ && line !~ /;[ \t]*$/ {
	fn = line
	sub(/\(.*/, "", fn)
	sub(/.*[^A-Za-z0-9_]/, "", fn)
}

function found(primitive,	file)
{
	file = FILENAME
	sub(/^\.\//, "", file)
	count[file " " fn " " primitive]++
}

{
	rest = line
	while (match(rest, /(dsb|dmb) +[a-z]+/)) {
		word = substr(rest, RSTART, RLENGTH)
		rest = substr(rest, RSTART + RLENGTH)
		sub(/ +/, "(", word)
		found(word ")")
	}
	while (match(line, /[A-Za-z0-9_]+\(/)) {
		word = substr(line, RSTART, RLENGTH - 1)
		line = substr(line, RSTART + RLENGTH)
		if (word !~ PRIMITIVES)
			continue
		if (word == "dsb")
			word = word "(" substr(line, 1, index(line, ")"))
		found(word)
	}
}

END {
	for (place in count)
		print place (count[place] > 1 ? " x" count[place] : "")
}
