# SPDX-License-Identifier: GPL-2.0-only
#
# man.awk: write libaxas(3) from libaxas.h: the comment at its start, then each function with its
# kernel-doc comment.

function text(s) {
	gsub(/\\/, "\\e", s)
	gsub(/-/, "\\-", s)
	if (s ~ /^[.']/)
		s = "\\&" s
	return s
}

BEGIN {
	print ".\\\" SPDX-License-Identifier: GPL-2.0-only"
	print ".\\\" Generated from libaxas.h by man.awk."
	print ".TH LIBAXAS 3 2026-11-27 axas \"Library Functions\""
	print ".SH NAME\nlibaxas \\- the user API of axas and axvcpu for C programs"
	print ".SH SYNOPSIS\n.B #include <libaxas.h>\n.PP"
	print "Link with\n.IR \\-laxas .\n.SH DESCRIPTION"
	intro = 1
}

# The comment at the start, without its first line and the list of files.
intro && /^ \*\// { intro = 0; print ".SH FUNCTIONS"; next }
intro && /^ \* libaxas: / { next }
intro && /^ \*   / { next }
intro && /^ \*$/ { gap = started; next }
intro && /^ \* / {
	if (gap)
		print ".PP"
	gap = 0
	started = 1
	print text(substr($0, 4))
	next
}
intro { next }

# Headings: one-line comments.
/^\/\* .* \*\/$/ { print ".SS " text(substr($0, 4, length($0) - 6)); next }

# A kernel-doc comment is kept until its declaration is known.
/^\/\*\*$/ { doc = ""; in_doc = 1; first = 1; next }
in_doc && /^ \*\/$/ { in_doc = 0; declaration = ""; wanted = 1; next }
in_doc && first { sub(/^ \* [a-z_ ]*(\(\))? - /, ""); doc = text($0) ".\n"; first = 0; next }
in_doc && /^ \* @/ {
	name = $2
	sub(/:$/, "", name)
	sub(/^ \* @[a-z_]*: */, "")
	doc = doc ".TP\n.I " text(substr(name, 2)) "\n" text($0) "\n"
	next
}
in_doc && /^ \*$/ { doc = doc ".PP\n"; next }
in_doc { sub(/^ \*[ \t]*/, ""); doc = doc text($0) "\n"; next }

wanted && /^(#|typedef|struct .*\{|$)/ { wanted = 0; next }
wanted {
	line = $0
	sub(/^[ \t]+/, " ", line)
	declaration = declaration line
	if (line !~ /;$/)
		next
	wanted = 0
	print ".TP\n.nh\n.BI \"" text(declaration) "\"\n.hy\n.RS\n" doc ".RE"
}

END {
	print ".SH SEE ALSO\n.BR axas (4),\n.BR axvcpu (4),\n.BR axasctl (1)"
}
