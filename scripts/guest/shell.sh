# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# shell.sh: in a machine of "make shell": load the modules, then run the script that came along, or
# a shell on the serial line.

insmod /axas/axas.ko && insmod /axas/axvcpu.ko || exit
cd /axas || exit
if [ -f /axas/commands ]; then
	sh /axas/commands
	exit
fi
stty rows "${AXAS_ROWS:-24}" cols "${AXAS_COLUMNS:-80}" <"/dev/${AXAS_TTY:-ttyS1}"
export HOME=/tmp PS1='axas:\w# ' TERM=linux
echo "axas and axvcpu are loaded; axasctl --help lists the commands"
# Not cttyhack: that takes the kernel's console.
setsid -c sh <"/dev/${AXAS_TTY:-ttyS1}" >"/dev/${AXAS_TTY:-ttyS1}" 2>&1
