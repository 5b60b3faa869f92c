# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# linux.sh: Linux as a guest of axvcpu.

insmod /axas/axas.ko
insmod /axas/axvcpu.ko
axasctl boot --kernel /axas/vmlinuz --initrd /axas/inner.gz --mem 256M --timeout 100 --trace --stats --cmdline "console=ttyS0 AXAS_TTY=ttyS0 ignore_loglevel ${AXAS_INNER}" --cpus ${AXAS_NCPU:-1} </dev/null
echo "status $?"
