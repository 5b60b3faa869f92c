#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# shell.sh [FILE...]: boot Debian's stock kernel in QEMU with our modules loaded, axasctl in PATH
# and the FILEs in /axas, and give a prompt there; "exit" ends the machine. The files may be
# programs (their shared libraries come along), modules, guests, scripts. If standard input is not
# a terminal, it is a script: the machine runs it, prints what it prints, and the status is the
# script's.
#
# The machine's options are those of vm.sh: AXAS_MEMORY, AXAS_CPUS, AXAS_ACCEL, AXAS_TIMEOUT. In it
# 16 MiB at 0x30000000 belong to nobody, for linear memory. AXAS_APPEND holds further arguments of
# its kernel.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

export OUT=$AXAS_LOGS/shell
# shellcheck disable=SC2016  # the kernel expands the dollar sign
WINDOW='memmap=16M$0x30000000'

build() {
	"$AXAS_SCRIPTS/build-module.sh" "$OUT/module" "$KDIR" CONSUMER=1
	"$AXAS_SCRIPTS/build-user.sh" "$OUT/user" tools/axasctl tests/guests
}

# In the second serial line a script's output ends with its status.
run_script() {
	local rc=0

	cat >"$OUT/commands"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" shell.sh "${FILES[@]}" "$OUT/commands"
	"$AXAS_SCRIPTS/vm.sh" "$OUT" "$KERNEL" "$OUT/initramfs.gz" "$WINDOW" "${ARGS[@]}" || rc=$?
	tr -d '\r' <"$OUT/guest.log" | grep -vE '^##axas|^# Linux .* CPUs, up after' || true
	((rc == 0)) || return "$rc"
	rc=$(tr -d '\r' <"$OUT/guest.log" | sed -n 's/^##axas done //p')
	return "${rc:-1}"
}

run_terminal() {
	local rows cols

	read -r rows cols < <(stty size)
	log "booting Linux $RELEASE; \"exit\" ends the machine"
	"$AXAS_SCRIPTS/initramfs.sh" "$OUT/initramfs.gz" shell.sh "${FILES[@]}"
	AXAS_CONSOLE=1 AXAS_TIMEOUT=${AXAS_TIMEOUT:-86400} "$AXAS_SCRIPTS/vm.sh" "$OUT" "$KERNEL" \
		"$OUT/initramfs.gz" "$WINDOW" "AXAS_ROWS=$rows" "AXAS_COLUMNS=$cols" "${ARGS[@]}"
}

main() {
	local file

	takes 0 99 "$@"
	for file; do
		[[ -f $file ]] || die "no file $file"
		# The machine's own files are there, too; cp takes a dash for an option.
		case $(basename -- "$file") in
		run | lib.sh | commands | axas.ko | axvcpu.ko | axasctl | -*)
			die "give $file another name: the machine has a file of that name, or takes none"
			;;
		esac
	done
	lock "out-$(basename "$AXAS_LOGS")-shell"
	mkdir -p "$OUT"
	need_build_packages
	need_packages qemu-system-x86 libjson-c-dev libmd-dev libzydis-dev busybox-static
	kernel_set shell amd64 "$OUT/set" 2>"$OUT/set.log" || die "no stock kernel; see $OUT/set.log"
	export KDIR KERNEL
	run_logged "modules and axasctl" "$OUT/build.log" build
	read -ra ARGS <<<"${AXAS_APPEND:-}"
	FILES=("$OUT"/module/axas.ko "$OUT"/module/vcpu/axvcpu.ko "$OUT"/user/tools/axasctl/axasctl
		"$OUT"/user/tests/guests/*.elf "$@")
	if [[ -t 0 ]]; then
		run_terminal
	else
		run_script
	fi
}

main "$@"
