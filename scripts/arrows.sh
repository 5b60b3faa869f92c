#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# arrows.sh FOLDER: check that each file of the modules built in FOLDER calls only files below
# it in the layers of Documentation/design.md, and that its first comment names these files. Prints
# each call that does not go down or is not named, and each file missing in the layers or in the
# sources; nothing if all is well. CROSS_COMPILE is the prefix of the tools.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# layers: print a line for each file of the list: name, floor, and side (left, right or both).
layers() {
	awk '/^```/ { inside = /layers$/; next } inside' "$AXAS_SRC/Documentation/design.md" |
		awk -v formats="$(formats | tr '\n' ' ')fake" '
		function layer(cell, side, part, format, i, n) {
			split(cell, part, " ")
			if (part[1] !~ /\.[cS]$/)
				return
			n = part[1] ~ /FORMAT/ ? split(formats, format, " ") : 1
			for (i = 1; i <= n; i++) {
				cell = part[1]
				sub(/FORMAT/, format[i], cell)
				print cell, NR, side
			}
		}
		/\|/ { split($0, half, "|"); layer(half[1], "left"); layer(half[2], "right"); next }
		{ layer($0, "both") }'
}

# sources: list the files that the layers must have.
sources() { (cd "$AXAS_SRC" && find . -maxdepth 1 -name 'axas_*.c' && find vcpu -name '*.[cS]') | sed 's#^\./##'; }

# symbols FOLDER: print a line for each global symbol that a file defines (T: a function, D: data) or
# uses (U).
symbols() {
	local object source

	cd "$1"
	while read -r source; do
		object=${source%.*}.o
		[[ -f $object ]] || continue
		"${CROSS_COMPILE:-}nm" "$object" | awk -v file="$source" '
			NF == 2 && $1 == "U" { print file, "U", $2 }
			NF == 3 && $2 ~ /[TDRBVW]/ && $3 !~ /^__/ { print file, $2 == "T" ? "T" : "D", $3 }'
	done < <(sources)
}

# heads: print the first comment of each source on a line, after its name. A format has the one of
# axas_npt_algo.h.
heads() {
	local source file format

	cd "$AXAS_SRC"
	format="^axas_npt_($(formats | paste -sd '|')|fake)\.c\$"
	while read -r source; do
		file=$source
		[[ ! $source =~ $format ]] || file=axas_npt_algo.h
		awk -v name="$source" '
			FNR > 1 && /^\/\*/ { inside = 1 }
			inside { sub(/^ \* ?/, " "); text = text $0 }
			inside && /\*\// { print name, text; exit }' "$file"
	done < <(sources)
}

main() {
	local built

	takes 1 1 "$@"
	[[ -f $1/axas.ko || -f $1/axas.o ]] || die "no module was built in $1"
	built=$(symbols "$1")
	[[ $built == *' T axas_space_map_alloc'* ]] || die "the objects in $1 have no symbols"
	{
		layers | sed 's/^/layer /'
		sources | sed 's/^/source /'
		heads | sed 's/^/head /'
		awk '{ print "symbol", $0 }' <<<"$built"
	} | awk '
		# Whether the first comment of @from covers a call of @to: by its name, or a pattern.
		function named(from, to,   text, base, words, n, i) {
			text = head[from]
			base = to
			sub(/.*\//, "", base)
			if (index(text, base) || text ~ /all (of the backend.s )?other files/)
				return 1
			if (from ~ /^vcpu\// && to !~ /^vcpu\//)
				return 1
			if (from ~ /^vcpu\/[^\/]*$/ && to ~ /^vcpu\/.*\// && text ~ /the backend/)
				return 1
			if (base ~ /_trace\.c$/ || (to in format && text ~ /format/))
				return 1
			n = split(text, words, /[ ,;:()]+/)
			for (i = 1; i <= n; i++)
				if (words[i] ~ /\*/) {
					sub(/\.$/, "", words[i])
					gsub(/\./, "\\.", words[i])
					gsub(/\*/, ".*", words[i])
					if (base ~ "^" words[i])
						return 1
				}
			return 0
		}
		$1 == "head" { head[$2] = $0; if ($0 ~ /axas_npt_algo|Functions of a format/) format[$2] }
		$1 == "layer" && $2 in floor { print $2 " has two layers" }
		$1 == "layer" { floor[$2] = $3; side[$2] = $4 }
		$1 == "source" { source[$2]; if (!($2 in floor)) print $2 " has no layer" }
		$1 == "symbol" && $3 ~ /[DT]/ { home[$4] = $2 }
		$1 == "symbol" && $3 == "T" { function_of[$4] }
		$1 == "symbol" && $3 == "U" { user[++n] = $2; used[n] = $4 }
		END {
			for (file in floor)
				if (!(file in source))
					print file " is not there"
			for (i = 1; i <= n; i++) {
				from = user[i]
				to = home[used[i]]
				if (to == "" || to == from || !(to in floor) || !(from in floor))
					continue
				if (floor[to] <= floor[from])
					print from " calls " used[i] "() of " to ", which is not below it"
				else if (side[from] != "both" && side[to] != "both" && side[from] != side[to])
					print from " calls " used[i] "() of " to ", on the other side"
				if (used[i] in function_of && !named(from, to) && !told[from, to]++)
					print from " calls " used[i] "() of " to ", which its first comment does not name"
			}
		}' | sort
}

main "$@"
