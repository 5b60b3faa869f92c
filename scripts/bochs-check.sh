#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bochs-check.sh: build the modules and the tests of vCPUs, boot Debian's cloud kernel in
# Bochs, which has Intel's VMX, and run guest/bochs.sh. It takes one CPU for a minute and a
# half.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

NAME=bochs

# A GiB that the kernel does not use, for linear areas of the largest leaf.
# shellcheck disable=SC2016  # the kernel expands the dollar sign
WINDOW='memmap=1G$0x40000000'

build() {
	run_logged "$NAME module" "$OUT/build.log" \
		"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$1" CONSUMER=1
	run_logged "$NAME programs" "$OUT/build-user.log" \
		"$AXAS_SCRIPTS/build-user.sh" "$OUT/user"
}

main() {
	local results

	takes 0 0 "$@"
	OUT=$AXAS_LOGS/$NAME
	lock "out-$(basename "$AXAS_LOGS")-$NAME"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	kernel_set "$NAME" cloud "$OUT/set"
	build "$KDIR"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" bochs.sh "$OUT/module/axas.ko" \
		"$OUT/module/vcpu/axvcpu.ko" "$OUT/module/tests/corrupt/axas_corrupt.ko" \
		"$OUT/user/tools/axasctl/axasctl" \
		"$OUT/user/tests/vcpu/axvcpu_test" "$OUT"/user/tests/guests/*.elf
	export AXAS_TIMEOUT=${AXAS_TIMEOUT:-2400}
	run_logged "$NAME" "$OUT/vm.log" \
		"$AXAS_SCRIPTS/bochs.sh" "$OUT" "$KERNEL" "$OUT/initramfs.gz" "$WINDOW" || true
	results=$("$AXAS_SCRIPTS/results.sh" "$NAME" "$OUT")
	record "$results"
	grep -E '^(fail|skip) ' <<<"$results" || true
	log "$(grep -c '^pass ' <<<"$results" || true) passed," \
		"$(grep -c '^fail ' <<<"$results" || true) failed; logs: $OUT"
	! grep -q '^fail ' <<<"$results"
}

main "$@"
