# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
#
# bench-linux.sh: boot a Linux guest as AXAS_LINUX, a kernel argument, says: "axas" or "kvm",
# followed by options of bench/linux/main.c, joined by commas. For scripts/bench-linux.sh.

# shellcheck disable=SC2046  # several words
set -- $(echo "$AXAS_LINUX" | tr , ' ')
machine=$1
shift
if [ "$machine" = kvm ]; then
	modules="irqbypass ccp kvm kvm-amd"
else
	modules="axas axvcpu"
fi
for module in $modules; do
	insmod "/axas/$module.ko" || exit
done
"${machine}_linux" "$@" /axas/vmlinuz /axas/inner.gz \
	"console=ttyS0 quiet AXAS_TTY=ttyS0 nokaslr mitigations=off" >/tmp/log
status=$?
tr -d '\r' </tmp/log
# Where the functions are, modules included.
echo "##bench symbols $(grep -i ' [tw] ' /proc/kallsyms | gzip | base64 -w 0)"
exit $status
