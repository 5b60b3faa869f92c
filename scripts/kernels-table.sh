#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels-table.sh [PART...]: write the kernels that these parts of the last "check.sh" used, and
# whether the parts passed, to Documentation/kernels.tsv, and generate the table of installing.md
# from that file. Without PART: all parts that have results.
# kernels-table.sh --check: check that the table matches the file.
#
# AXAS_COMMIT  the commit that was tested (default: that of the sources)

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

FILE=$AXAS_SRC/Documentation/kernels.tsv
PAGE=$AXAS_SRC/Documentation/installing.md
BEGIN='<!-- kernels: made by scripts/kernels-table.sh -->'
END='<!-- end of kernels -->'

# lines PART: a line for each kernel of its results: KERNEL, SUITE, PART, DATE, COMMIT, PASSED,
# FAILED. A build of the matrix is a part of its own.
lines() {
	local results=$AXAS_LOGS/$1.results commit

	commit=${AXAS_COMMIT:-$(git -C "$AXAS_SRC" describe --always --dirty 2>/dev/null || echo unknown)}
	awk -v part="$1" -v date="$(date -u -r "$results" +%Y-%m-%d)" -v commit="$commit" \
		-v own="Debian $(debian_release)" '
		/^note .*: Linux / {
			who = $0
			sub(/^note /, "", who)
			sub(/: Linux .*/, "", who)
			kernel = $0
			sub(/.*: Linux /, "", kernel)
			suite = kernel
			sub(/ .*/, "", kernel)
			sub(/^[^ ]* of /, "", suite)
			sub(/^this Debian$/, own, suite)
			kernels[who] = kernel "\t" suite
		}
		/^(pass|fail) / {
			n[$1]++
			result = $1
			name = $0
			sub(/^[a-z]* /, "", name)
			alone[name] = result
		}
		END {
			for (who in kernels)
				if (who ~ /^build: /)
					print kernels[who] "\tbuild\t" date "\t" commit "\t" \
						(alone[who] == "pass") "\t" (alone[who] != "pass")
				else if (n["pass"] + n["fail"])
					print kernels[who] "\t" part "\t" date "\t" commit "\t" \
						n["pass"] + 0 "\t" n["fail"] + 0
		}' "$results" | sort -u
}

# New lines replace those of the same kernel and part.
enter() {
	local new part

	scratch new
	: >"$new/lines"
	for part in "$@"; do
		lines "$part" >>"$new/lines"
	done
	awk -F '\t' '
		/^#/ { print; next }
		FILENAME == ARGV[1] { new[$1, $3]; line[++n] = $0; next }
		!(($1, $3) in new) { line[++n] = $0 }
		END {
			for (i = 1; i <= n; i++)
				print line[i] | "LC_ALL=C sort -t \"\t\" -k1,1V -k3,3"
		}' "$new/lines" "$FILE" >"$new/file"
	cat "$new/file" >"$FILE"
}

# A row for each kernel: where it comes from, what passed, what failed, the oldest run of these.
table() {
	echo '| Linux | from | passed | failed | run on |'
	echo '| --- | --- | --- | --- | --- |'
	grep -v '^#' "$FILE" | awk -F '\t' '
		!($1 in suite) { order[++n] = $1; suite[$1] = $2; oldest[$1] = $4 }
		{
			if ($7 || !$6)
				bad[$1] = bad[$1] (bad[$1] ? ", " : "") $3
			else
				good[$1] = good[$1] (good[$1] ? ", " : "") $3
			if ($4 < oldest[$1])
				oldest[$1] = $4
		}
		END {
			for (i = 1; i <= n; i++) {
				k = order[i]
				printf "| %s | %s | %s | %s | %s |\n", k, suite[k], \
					good[k] ? good[k] : "-", bad[k] ? bad[k] : "-", oldest[k]
			}
		}'
}

page() { between "$BEGIN" "$END" "$(table)" "$PAGE"; }

with_results() {
	local results

	for results in "$AXAS_LOGS"/*.results; do
		[[ ! -s $results ]] || basename "$results" .results
	done
}

main() {
	local new parts

	if [[ ${1:-} == --check ]]; then
		takes 0 0 "${@:2}"
		page | cmp -s - "$PAGE" || die "the table of installing.md is not that of kernels.tsv"
		return
	fi
	takes 0 99 "$@"
	mapfile -t parts < <(if (($#)); then printf '%s\n' "$@"; else with_results; fi)
	[[ $(grep -cxF -e "$BEGIN" -e "$END" "$PAGE") == 2 ]] || die "installing.md has no table"
	enter "${parts[@]}"
	scratch new
	page >"$new/page"
	cat "$new/page" >"$PAGE"
}

main "$@"
