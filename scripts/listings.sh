#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# listings.sh [--update]: run the axasctl commands that README, the pages of Documentation and
# axasctl(1) show, in a machine of "make shell", and compare what they print with
# Documentation/listings.txt, in which numbers are masked. A command that is in one of both and not
# in the other is a failure. Where the file says "@ PART", that part of "make check" runs it.
# --update writes what the commands print into the file; add and order them by hand.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

LISTINGS=$AXAS_SRC/Documentation/listings.txt
PAGES="README.md Documentation/*.md"

# Joined at a backslash, without the comment after a tab; from pages and from the manual page.
shown() {
	cd "$AXAS_SRC"
	{
		# shellcheck disable=SC2086  # several words
		sed -E 's/^(    |\t)//' $PAGES
		sed -nE '/^\.SH EXAMPLES/,$s/\\-/-/gp' tools/axasctl/axasctl.1
	} | awk '
	/^axasctl [a-z-]/ && !/^axasctl  / { inside = 1 }
	inside {
		more = sub(/ *\\(e)?$/, "")
		sub(/\t.*/, "")
		sub(/^ */, "")
		line = line (line ? " " : "") $0
		if (!more) {
			print line
			line = ""
			inside = 0
		}
	}' | sort -u
}

listed() { sed -n 's/^\$ //p' "$LISTINGS"; }

# Sizes and counts differ from run to run, so does the padding before them, and so do the reasons of
# exits: an interrupt may come or not.
masked() {
	sed -E 's/(0x)?[0-9a-f]*[0-9][0-9a-f]*(\.[0-9]+)?/N/g; s/  +/ /g; s/ +$//; /^$/d
		s/^(exits N entries:).*/\1 .../'
}

# A script that runs all in order, each after a line with its number.
commands() {
	awk '
	/^\$ / { command = substr($0, 3); n++; here[n] = command; next }
	/^@ / { delete here[n] }
	END {
		for (i = 1; i <= n; i++)
			if (i in here)
				printf "echo \"== %d\"\n{ %s; } 2>&1\n", i, here[i]
	}' "$LISTINGS"
}

# printed NUMBER: what this command printed.
printed() {
	awk -v nr="$1" '/^== / { inside = $2 == nr; next } inside' "$OUT/printed" | masked
}

expected() {
	awk -v nr="$1" '/^\$ / { n++; next } n == nr && !/^(#|$)/' "$LISTINGS"
}

update() {
	local nr=0 line

	while IFS= read -r line; do
		case $line in
		'$ '*) nr=$((nr + 1)); printf '%s\n' "$line"; printed "$nr" ;;
		'#'* | '@ '* | '') printf '%s\n' "$line" ;;
		esac
	done <"$LISTINGS" >"$OUT/listings.txt"
	cp "$OUT/listings.txt" "$LISTINGS"
}

compare() {
	local nr=0 command what

	while IFS= read -r command; do
		nr=$((nr + 1))
		what=$(expected "$nr")
		[[ $what != '@ '* ]] || continue
		if diff <(printf '%s\n' "$what") <(printed "$nr"); then
			record "pass listings: $command"
		else
			log "differs: $command"
			record "fail listings: $command"
		fi
	done < <(listed)
}

main() {
	local option=${1:-} differ

	[[ $option == --update ]] || takes 0 0 "$@"
	export OUT=$AXAS_LOGS/listings
	lock "out-$(basename "$AXAS_LOGS")-listings"
	mkdir -p "$OUT"
	differ=$(diff <(shown) <(listed | sort -u)) || true
	if [[ $differ ]]; then
		record "fail listings: all_are_listed"
		printf 'only shown (<), only in listings.txt (>):\n%s\n' "$differ"
	else
		record "pass listings: all_are_listed"
	fi
	commands >"$OUT/commands"
	"$AXAS_SCRIPTS/shell.sh" <"$OUT/commands" >"$OUT/printed"
	if [[ $option == --update ]]; then
		update
	else
		compare
	fi
}

main "$@"
