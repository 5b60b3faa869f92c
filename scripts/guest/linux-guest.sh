# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# linux-guest.sh: within the guest.
echo "# hello from the guest"
free
cat /proc/interrupts
sleep 1
cat /proc/interrupts | grep LOC
poweroff -f
