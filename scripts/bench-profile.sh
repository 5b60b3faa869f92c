#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench-profile.sh axas|kvm|bridge [LINES]: print the functions in which an operation spends its
# instructions, counted by a plugin of QEMU. For each operation of bench/user/profile.c it prints
# the instructions of one, and the LINES functions (default 30) with most of them.
# "bridge" is KVM on memory of a space.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

export OUT=$AXAS_LOGS/bench-profile

# In the order of the source; the last is the end marker.
marks() {
	sed -n 's/^MARK(\(.*\))$/\1/p' "$AXAS_SRC/bench/user/profile.c" | while read -r name; do
		printf ',mark=%s' "$(nm "$1" | awk -v name="profile_mark_$name" '$3 == name { print $1 }')"
	done
}

main() {
	local who=${1:-} lines=${2:-30} program

	takes 1 2 "$@"
	[[ $who == axas || $who == kvm || $who == bridge ]] || usage_error "axas, kvm or bridge"
	lock "out-$(basename "$AXAS_LOGS")-bench-profile"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	need_packages qemu-system-x86 python3 binutils
	gcc -O2 -Wall -Wextra -fPIC -shared -o "$OUT/count.so" "$AXAS_SRC/bench/profile/count.c"
	"$AXAS_SCRIPTS/bench.sh" --build "$OUT"
	program=$OUT/user/bench/user/axas_bench
	AXAS_CPUS=1 AXAS_MEMORY=2G AXAS_TIMEOUT=${AXAS_TIMEOUT:-900} \
	AXAS_QEMU="-icount shift=0,sleep=off -rtc clock=vm -plugin $OUT/count.so,out=$OUT/counts$(marks "$program")" \
		run_logged "$who" "$OUT/vm.log" "$AXAS_SCRIPTS/vm.sh" "$OUT/vm" "$(cat "$OUT/kernel")" \
		"$OUT/initramfs.gz" nokaslr mitigations=off init_on_alloc=0 "AXAS_BENCH=$who-profile"
	python3 "$AXAS_SRC/bench/profile/report.py" "$OUT/vm/guest.log" "$OUT/counts" \
		"$AXAS_SRC/bench/user/profile.c" "$lines"
}

main "$@"
