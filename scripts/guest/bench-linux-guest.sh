# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bench-linux-guest.sh: what the guest of bench/linux/ runs: nothing but a time without work, between
# marks for its VMM.

echo "##mark line"
sed -n '/^flags/{p;q}' /proc/cpuinfo
nproc
sleep 2
echo "##mark idle"
sleep 10
echo "##mark awake"
poweroff -f
