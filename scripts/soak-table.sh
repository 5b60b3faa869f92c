#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# soak-table.sh [PART...]: write the results of these parts in the last "check.sh --soak" to
# Documentation/soak.tsv, and generate the table of Documentation/testing.md from that file.
# soak-table.sh --check: check that the table matches the file.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

FILE=$AXAS_SRC/Documentation/soak.tsv
PAGE=$AXAS_SRC/Documentation/testing.md
BEGIN='<!-- soak: made by scripts/soak-table.sh -->'
END='<!-- end of soak -->'

# count WORD FILE
count() { grep -c "^$1 " "$2" || true; }

# line PART: print the columns, in the file's order.
line() {
	local results=$AXAS_LOGS/$1.results kernel

	kernel=$(sed -n 's/^note .*: \(Linux .*\)/\1/p' "$results" | head -n 1)
	printf '%s\t' "$1" "$(date -u +%Y-%m-%d)" \
		"$(git -C "$AXAS_SRC" describe --always --dirty 2>/dev/null || echo unknown)" \
		"$(count pass "$results")" "$(count fail "$results")" "$(count skip "$results")"
	printf '%s\n' "${kernel:--}"
}

enter() {
	local part new

	scratch new
	for part in "$@"; do
		grep -v "^$part"$'\t' "$FILE" >"$new/file" || true
		line "$part" >>"$new/file"
		{ grep '^#' "$new/file"; grep -v '^#' "$new/file" | sort; } >"$FILE"
	done
}

table() {
	echo '| part | last run | commit | kernel | passed | failed | skipped |'
	echo '| --- | --- | --- | --- | ---: | ---: | ---: |'
	grep -v '^#' "$FILE" | awk -F '\t' \
		'{ printf "| %s | %s | %s | %s | %d | %d | %d |\n", $1, $2, $3, $7, $4, $5, $6 }'
}

page() { between "$BEGIN" "$END" "$(table)" "$PAGE"; }

main() {
	local new

	case ${1:-} in
	--check)
		takes 0 0 "${@:2}"
		page | cmp -s - "$PAGE" || die "the table of testing.md is not that of soak.tsv"
		return
		;;
	esac
	takes 0 99 "$@"
	[[ $(grep -cxF -e "$BEGIN" -e "$END" "$PAGE") == 2 ]] || die "testing.md has no table"
	enter "$@"
	scratch new
	page >"$new/page"
	cat "$new/page" >"$PAGE"
}

main "$@"
