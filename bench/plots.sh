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
	LC_ALL=C.UTF-8 gnuplot <<-END
		set terminal svg size 720,420 font "sans,13" background "white" name "axas"
		set output "$1"
		set border 3
		set tics nomirror out
		set grid ytics lc rgb "#dddddd"
		set key outside bottom center horizontal reverse Left width 2
		set rmargin 6
		$2
	END
}

plot_fault() {
	draw "$DOC/bench-fault.svg" "
		set title 'What a demand fault costs, in units of its floor (above: instructions)'
		set style data histogram
		set style histogram clustered gap 2
		set style fill solid noborder
		set boxwidth 0.9
		set xrange [-0.6:1.6]
		set yrange [0:*<5]
		set offsets 0, 0, 0.3, 0
		count(n) = n < 100000 ? sprintf('%d', n) : sprintf('%d k', n / 1000)
		plot '$DATA/fault' using (1):xtic(1) title 'floor: empty exit and zeroed memory' \
				lc rgb '#bbbbbb', \
			'' using (\$3/\$2) title 'axas' lc rgb '#2266aa', \
			'' using (\$4/\$2) title 'KVM, anonymous memory' lc rgb '#cc6633', \
			'' using (\$0-0.2):(1):(count(\$2)) with labels offset 0,0.7 notitle, \
			'' using (\$0):(\$3/\$2):(count(\$3)) with labels offset 0,0.7 notitle, \
			'' using (\$0+0.2):(\$4/\$2):(count(\$4)) with labels offset 0,0.7 notitle"
}

plot_size() {
	draw "$DOC/bench-size.svg" "
		set title 'What is done to an area, against its size: instructions for all of it'
		set logscale x 2
		set xtics ('4 KiB' 2**12, '64 KiB' 2**16, '2 MiB' 2**21, '64 MiB' 2**26, \
			'1 GiB' 2**30, '8 GiB' 2**33, '64 GiB' 2.0**36)
		set xrange [2**12:2.0**36.1]
		set yrange [0:*]
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
