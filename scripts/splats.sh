#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# splats.sh LOG...: print the lines of kernel logs that report a bug, in any code, and
# fail if there is one. A report of KASAN, lockdep or kmemleak does not fail a KUnit
# test by itself, so every log is checked here.
#
# AXAS_EXPECTED  the exact text of an intended report, such as a panic

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

PATTERN='BUG:|BUG at|WARNING:|UBSAN:|KASAN:|KCSAN:|KFENCE:|Oops|general protection fault'
PATTERN+='|Kernel panic|possible (recursive|circular) locking|inconsistent lock state'
PATTERN+='|suspicious RCU usage|sleeping function called from invalid'
PATTERN+='|unreferenced object|ODEBUG:|INFO: (task|rcu|trying)|scheduling while atomic'
PATTERN+='|refcount_t:|list_(add|del) corruption|Bad page state|Bad rss-counter'
PATTERN+='|slab .*(corruption|remaining)'

# Reports that the same kernels print without our module, by their exact text.
KNOWN=(
	# UML 6.1 at boot: kunit.py's configuration enables PCI over virtio, but
	# there is no such device.
	'at arch/um/drivers/virt-pci.c:886 um_pci_init+'
	# The emulated CPU is a Zen without the microcode for a mitigation.
	'Speculative Return Stack Overflow: WARNING: See https://'
)

takes 1 99 "$@"
[[ -z ${AXAS_EXPECTED:-} ]] || KNOWN+=("$AXAS_EXPECTED")
found=0
for log in "$@"; do
	[[ -f $log ]] || die "no file $log"
	lines=$(tr -d '\r' <"$log" | grep -aE "$PATTERN" || true)
	for known in "${KNOWN[@]}"; do
		grep -aF "$known" <<<"$lines" | sed 's/^/known: /' || true
		lines=$(grep -avF "$known" <<<"$lines" || true)
	done
	if [[ -n $lines ]]; then
		found=1
		printf '    | %s\n' "${lines//$'\n'/$'\n    | '}"
	fi
done
exit "$found"
