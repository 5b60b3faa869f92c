#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# arm64.sh: build the modules and tests for arm64, boot Debian's stock kernel with them in
# QEMU, and run guest/arm64.sh: at EL2 on a CPU whose stage 2 controls caching (FEAT_S2FWB),
# on one with memory tags, and on one without either, at EL1, and with KVM.
#
# AXAS_SET  another kernel, named as in kernel-set.sh's table: at EL2 only; arm64-16k, whose pages
#           have 16 KiB: that the modules are refused, when they are built and when they are loaded

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

NAME=${AXAS_SET:-arm64}
PREFIX=aarch64-linux-gnu-
# Memory that the kernel does not use, for linear areas: from 2 GiB on.
WINDOW=(mem=1G "AXAS_WINDOW=0x80000000,3G")

# Build everything with the tools of the kernel's own suite.
build() {
	"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$KDIR" CONSUMER=1 ARCH=arm64 \
		CROSS_COMPILE="$PREFIX"
	make_for "$KDIR" "$OUT/module" -C tests/vcpu CROSS_COMPILE="$PREFIX"
	make_for "$KDIR" "$OUT/module" -C tests/uapi CROSS_COMPILE="$PREFIX"
	make_for "$KDIR" "$OUT/module" -C tests/guests CROSS_COMPILE="$PREFIX"
	make_for "$KDIR" "$OUT/module" -C tools/axasctl CROSS_COMPILE="$PREFIX" \
		EXTRA_CFLAGS="${LIBS:+-I$LIBS/usr/include}" \
		EXTRA_LDFLAGS="${LIBS:+-L$LIBS/usr/lib/${PREFIX%-}}"
}

# List functions of a module that broadcast a TLBI without the erratum's repetition (S3); no
# emulated CPU has the erratum. A stage 2 TLBI is followed by a stage 1 one, which is repeated.
without_repeat() {
	"${PREFIX}objdump" -d -j .text "$1" | awk '
		/^[0-9a-f]+ <.*>:$/ { name = $2 }
		/\ttlbi\t[a-z0-9]*is/ { broadcasts[name] = 1 }
		/\ttlbi\tvale2is/ { repeats[name] = 1 }
		END { for (name in broadcasts) if (!(name in repeats)) print name }'
}

# Check the compiled module, independently of the kernel's macros (S3).
look_at_module() {
	local results=() code

	code=$("${PREFIX}objdump" -d -j .text "$1")
	if grep -q 'tlbi.vmalls12e1is' <<<"$code" && [[ ! $(without_repeat "$1") ]]; then
		results+=("pass $NAME-module: tlbi_is_repeated")
	else
		results+=("fail $NAME-module: tlbi_is_repeated")
	fi
	if grep -q 'msr.pan, #0x1' <<<"$code"; then
		results+=("pass $NAME-module: exits_set_pan")
	else
		results+=("fail $NAME-module: exits_set_pan")
	fi
	record "$(printf '%s\n' "${results[@]}")"
	! printf '%s\n' "${results[@]}" | grep '^fail '
}

# boot NAME CASE: run a machine, and print its findings.
boot() {
	local name=$1 results

	AXAS_QEMU="-m 4G" AXAS_TIMEOUT=${AXAS_TIMEOUT:-1800} run_logged "$name" \
		"$OUT/$name/vm.log" "$AXAS_SCRIPTS/vm-arm64.sh" "$OUT/$name" "$KERNEL" \
		"$OUT/initramfs.gz" "${WINDOW[@]}" AXAS_CASE="$2" \
		AXAS_EFFORT="${AXAS_EFFORT:-short}" || true
	results=$("$AXAS_SCRIPTS/results.sh" "$name" "$OUT/$name")
	record "$results"
	tr -d '\r' <"$OUT/$name/guest.log" | grep -E -A 4 '^ *not ok ' || true
	grep -h -o '# s2: [0-9]* addresses compared.*' "$OUT/$name/kernel.log" || true
	grep '^fail ' <<<"$results" || true
	! grep -q '^fail ' <<<"$results"
}

# Print the result of a check that has status RC: result NAME RC.
result() {
	if (($2)); then echo "fail $NAME: $1"; else echo "pass $NAME: $1"; fi
}

# The build for 16 KiB ends with one line that says why, and nothing is built.
build_is_refused() {
	! "$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$KDIR" ARCH=arm64 CROSS_COMPILE="$PREFIX" \
		>"$OUT/build.log" 2>&1 || return 1
	[[ $(grep -c 'axas needs a kernel with 4 KiB pages' "$OUT/build.log") == 1 ]] &&
		[[ ! $(find "$OUT/module" -name '*.o' -o -name '*.ko') ]]
}

# A kernel with other pages: modules of 6.12 with 4 KiB are not loaded either.
refuse() {
	local rc=0 kernel=$KERNEL results

	build_is_refused || rc=1
	results=$(result build_ends_with_one_line "$rc")
	record "$results"
	echo "$results"
	kernel_set "$NAME-other" arm64-6.12 "$OUT/other" headers
	run_logged "$NAME build for another kernel" "$OUT/other.log" "$AXAS_SCRIPTS/build-module.sh" \
		"$OUT/other-module" "$KDIR" ARCH=arm64 CROSS_COMPILE="$PREFIX"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" pages16k.sh "$OUT/other-module/axas.ko"
	KERNEL=$kernel
	boot "$NAME" refused || rc=1
	return "$rc"
}

main() {
	local module failed=0

	takes 0 0 "$@"
	OUT=$AXAS_LOGS/$NAME
	lock "out-$(basename "$AXAS_LOGS")-$NAME"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	need_build_packages
	need_packages qemu-system-arm "binutils-${PREFIX%-}"
	kernel_set "$NAME" "$NAME" "$OUT/set"
	export OUT PREFIX KDIR LIBS AXAS_BUSYBOX=$BUSYBOX
	if [[ $NAME == arm64-16k ]]; then
		refuse
		return
	fi
	run_logged "$NAME build" "$OUT/build.log" build
	module=$OUT/module
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" arm64.sh "$module/axas.ko" \
		"$module/vcpu/axvcpu.ko" "$module"/tests/hwwalk/axas_{s2_test,el2}.ko \
		"$module/tests/consumer/axas_consumer.ko" "$module"/tests/backends/*.ko \
		"$module/tests/uapi/axas_uapi_test" \
		"$module/tests/vcpu/axvcpu_test" "$module/tools/axasctl/axasctl" \
		"$module"/tests/guests/*.elf
	look_at_module "$module/vcpu/axvcpu.ko" || failed=1
	arrows_go_down "$NAME" "$module" || failed=1
	boot "$NAME" all || failed=1
	AXAS_CPU=cortex-a76 boot "$NAME-without-fwb" some || failed=1
	[[ $NAME == arm64 ]] || return "$failed"
	AXAS_MACHINE=mte=on boot arm64-with-tags tags || failed=1
	AXAS_EL2=off boot arm64-at-el1 none || failed=1
	AXAS_KVM=1 boot arm64-beside-kvm none || failed=1
	return "$failed"
}

main "$@"
