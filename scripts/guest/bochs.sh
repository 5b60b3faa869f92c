# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bochs.sh: vCPUs on Intel VMX, over tables in EPT's format.

# shellcheck source=scripts/guest/lib.sh
. /axas/lib.sh

load() { insmod "/axas/$1.ko"; }

ept_is_the_hosts() { axasctl formats | grep -q '^\* ept'; }

module_suite() {
	check axas_loads load axas
	check axvcpu_loads load axvcpu
	check ept_is_the_hosts_format ept_is_the_hosts
	echo "1..$CHECKS"
}

suite module module_suite
suite vcpu axvcpu_test
suite guests guest_suite
suite unload unload_suite
counts
