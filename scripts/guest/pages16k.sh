# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# pages16k.sh: on a kernel with pages of 16 KiB, a module that was built for 4 KiB is refused.

# shellcheck source=scripts/guest/lib.sh
. /axas/lib.sh

refused() { ! insmod /axas/axas.ko; }

pages() { grep -q '^KernelPageSize: *16 kB' /proc/self/smaps; }

nothing_left() { ! grep axas /proc/modules && [ ! -e /dev/axas ]; }

pages_suite() {
	check the_pages_are_16k pages
	check axas_is_refused refused
	check nothing_is_left nothing_left
	echo "1..$CHECKS"
}

suite pages16k pages_suite
