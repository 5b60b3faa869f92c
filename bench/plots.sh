#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# plots.sh [JSON]: draw Documentation/bench-*.svg from the figures of scripts/bench.sh,
# those of bench/baseline.json if no other file is named.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../scripts/lib.sh"

# What gnuplot writes otherwise differs from run to run only by its own version.
draw() {
	gnuplot <<-END
		set terminal svg size 720,420 font "sans,13" background "white" name "axas"
		set output "$1"
		set encoding utf8
		set border 3
		set tics nomirror out
		set grid ytics lc rgb "#dddddd"
		set key top left reverse Left
		$2
	END
}

plot_fault() {
	draw "$DOC/bench-fault.svg" "
		set title 'What a demand fault costs: instructions, in units of its floor'
		set style data histogram
		set style histogram clustered gap 2
		set style fill solid noborder
		set boxwidth 0.9
		set yrange [0:*]
		set offsets 0, 0, 0.4, 0
		set key top right
		plot '$DATA/fault' using (1):xtic(1) title 'floor: empty exit and a zeroed page' \
				lc rgb '#bbbbbb', \
			'' using (\$3/\$2) title 'axas' lc rgb '#2266aa', \
			'' using (\$4/\$2) title 'KVM, anonymous memory' lc rgb '#cc6633'"
}

plot_size() {
	draw "$DOC/bench-size.svg" "
		set title 'Cost against the size of the area: instructions for all of it'
		set logscale x 2
		set format x ''
		set xtics ('4 KiB' 2**12, '64 KiB' 2**16, '2 MiB' 2**21, '64 MiB' 2**26, \
			'1 GiB' 2**30, '8 GiB' 2**33, '64 GiB' 2**36)
		set yrange [0:*]
		set offsets 0, 0, 2000, 0
		set style data linespoints
		plot '$DATA/size' using 1:5 title 'map linear, aligned' lc rgb '#cc6633' pt 5, \
			'' using 1:4 title 'first fault, 4 KiB' lc rgb '#2266aa' pt 7, \
			'' using 1:3 title 'unmap, untouched' lc rgb '#669944' pt 9, \
			'' using 1:2 title 'map alloc, lazy' lc rgb '#888888' pt 11"
}

main() {
	local json=${1:-$AXAS_SRC/bench/baseline.json}

	need_packages gnuplot-nox python3
	DOC=$AXAS_SRC/Documentation
	scratch DATA
	python3 "$AXAS_SRC/bench/report.py" plots "$json" "$DATA"
	plot_fault
	plot_size
}

main "$@"
