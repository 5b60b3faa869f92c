# SPDX-License-Identifier: GPL-2.0-only
#
# header-intro.awk HEADER: print the comment at the start of a header, which says what all of
# its functions have in common, as reStructuredText. Lines that are indented without being an
# item of a list are printed as they are.

function escaped(s) {
	gsub(/[*`|\\]/, "\\\\&", s)
	# A name with an underscore at its end is a reference.
	gsub(/_($|[^a-zA-Z0-9_])/, "\\\\&", s)
	return s
}

function paragraph(	i, literal) {
	literal = block[1] ~ /^  / && block[1] !~ /^ *- /
	if (n && literal)
		print "::\n"
	for (i = 1; i <= n; i++)
		print literal ? "  " block[i] : escaped(block[i])
	if (n)
		print ""
	n = 0
}

FNR == 1 { next }				# the licence
/^\/\*$/ && !begun { begun = 1; next }
begun && /^ \*\// { paragraph(); exit }
!begun { next }
{ sub(/^ \* ?/, "") }
/^$/ { paragraph(); list = 0; next }
# An item, and what follows it, begin at the left margin.
/^ *- / { if (!list) paragraph(); list = 1 }
list { sub(/^ /, "") }
{ block[++n] = $0 }
