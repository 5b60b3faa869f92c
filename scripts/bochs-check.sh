#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bochs-check.sh [gcov]: build the modules and the tests of vCPUs, boot Debian's cloud kernel in
# Bochs, which has Intel's VMX, and run guest/bochs.sh. It takes one CPU for a minute and a
# half. gcov: boot a kernel that counts executed lines, for coverage.sh.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# A GiB that the kernel does not use, for linear areas of the largest leaf.
# shellcheck disable=SC2016  # the kernel expands the dollar sign
WINDOW='memmap=1G$0x40000000'

# build KDIR MAKE-ARGUMENT...
build() {
	run_logged "$NAME module" "$OUT/build.log" \
		"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$@"
	run_logged "$NAME programs" "$OUT/build-user.log" \
		"$AXAS_SCRIPTS/build-user.sh" "$OUT/user"
}

main() {
	local results

	takes 0 1 "$@"
	NAME=bochs${1:+-$1}
	OUT=$AXAS_LOGS/$NAME
	lock "out-$(basename "$AXAS_LOGS")-$NAME"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	case ${1:-} in
	'')
		kernel_set "$NAME" cloud "$OUT/set"
		build "$KDIR" CONSUMER=1
		;;
	gcov)
		KDIR=$("$AXAS_SCRIPTS/debug-kernel.sh" gcov)
		KERNEL=$KDIR/arch/x86/boot/bzImage
		# As in vm-check.sh, so that the counts are of the same objects.
		build "$KDIR" KUNIT=1 CONSUMER=1 GCOV_PROFILE=y
		;;
	*)
		usage_error "no kernel $1"
		;;
	esac
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
