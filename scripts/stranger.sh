#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# stranger.sh [SUITE]: do what a person does who has the Debian packages and a stock Debian of
# that suite (default: this machine's own): install them with apt, boot, run a guest as an
# ordinary user, build a program on the library, remove and purge. What is left behind is a
# failure. The packages are installed in a root folder on this machine, where DKMS compiles
# natively; all else runs in a virtual machine, whose disk is made of that folder
# (guest/stranger.sh).
#
# Commands that README and Documentation/installing.md show are run as shown, but for "sudo".
#
# AXAS_EFFORT  full: an older version is installed first, and upgraded; removed before it is purged;
#              without Secure Boot, the examples of Documentation/tracing.md are run as shown, and
#              print what it shows, but for numbers
# AXAS_SECURE  not empty: on a machine with Secure Boot, as it is delivered. It refuses the modules
#              until the person enrols DKMS's key, at the blue screen of MokManager

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

SYSTEM="systemd-sysv udev kmod linux-image-amd64 linux-headers-amd64 dkms man-db bash-completion adduser"
[[ ! ${AXAS_SECURE:-} ]] || SYSTEM+=" shim-signed grub-efi-amd64-signed mokutil"
TRACERS=""
[[ ${AXAS_EFFORT:-} != full || ${AXAS_SECURE:-} ]] || TRACERS="linux-perf trace-cmd bpftrace"

# libraries_of SUITE: print what the packages depend on, which apt finds in its cache.
libraries_of() {
	local suite=$1 zydis=libzydis4.1

	[[ $suite != - ]] || suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	[[ $suite != bookworm ]] || zydis=libzydis4.0
	echo "libjson-c5 libmd0 $zydis linux-libc-dev openssl"
}

# Every path but those that a running system fills, on one file system. Paths that were there
# before, or that another package brought, are subtracted by guest/stranger.sh.
files() {
	local top=${1%/}

	find "$1" -xdev \( -path "$top/proc" -o -path "$top/sys" -o -path "$top/dev" -o -path "$top/tmp" \
		-o -path "$top/run" -o -path "$top/var/log" -o -path "$top/var/cache" \
		-o -path "$top/work" -o -path "$top/axas" \) -prune -o -printf '/%P\n' | sort
}

in_root() { "$AXAS_SCRIPTS/in-root.sh" "$1" "$OUT/work" "${@:2}"; }

# The commands of README and of installing.md, which are the same if both have them.
shown_to_install() {
	sed -nE 's/^    (make deb && )?(sudo .*)/\2/p' "$AXAS_SRC"/{README,Documentation/installing}.md |
		sed -E 's/  +#.*//' | sort -u
}

# shown_to_trace FOLDER: each block of commands in the examples of tracing.md, and what the page
# says that they print, as N.sh and N.shown.
shown_to_trace() {
	mkdir "$1"
	awk -v folder="$1" '
	/^## / { example = /^## Examples/ }
	!example { next }
	/^```$/ { file = inside ? "" : folder "/" nr ".shown"; inside = !inside; next }
	/^```sh$/ { file = folder "/" ++nr ".sh"; inside = 1; next }
	inside { print >file }' "$AXAS_SRC/Documentation/tracing.md"
}

# A service that runs the test, and the files it needs.
prepare() {
	local root=$1 unit=$1/etc/systemd/system/stranger.service

	mkdir -p "$root/axas"
	cp "$OUT"/user/tests/guests/{hello,demo}.elf "$AXAS_SCRIPTS"/guest/{stranger,lib}.sh "$root/axas/"
	shown_to_install >"$root/axas/installing"
	printf '%s "%s";\n' APT::Get::Assume-Yes true APT::Sandbox::User root >"$root/axas/apt.conf"
	[[ ! $TRACERS ]] || shown_to_trace "$root/axas/tracing"
	[[ ${AXAS_EFFORT:-} != full ]] || touch "$root/axas/full"
	cat >"$unit" <<-EOT
		[Unit]
		After=multi-user.target
		[Service]
		Type=oneshot
		ExecStart=/bin/sh /axas/stranger.sh
		StandardOutput=file:/dev/ttyS1
		StandardError=file:/dev/ttyS1
		[Install]
		WantedBy=default.target
	EOT
	mkdir -p "$root/etc/systemd/system/default.target.wants"
	ln -sf ../stranger.service "$root/etc/systemd/system/default.target.wants/stranger.service"
}

# install_debs ROOT FOLDER: as the reader of installing.md does, from a folder with the packages.
install_debs() {
	local root=$1 debs=$2 work=$OUT/work

	rm -rf "$work"
	mkdir -p "$work/build/deb"
	cp "$debs"/*.deb "$work/build/deb/"
	rm -f "$work"/build/deb/*-dbgsym*
	shown_to_install | sed -n 's/^sudo apt install/apt install/p' >"$work/install"
	[[ -s $work/install ]] || die "installing.md shows no apt install"
	in_root "$root" env DEBIAN_FRONTEND=noninteractive APT_CONFIG=/axas/apt.conf sh -eu install
}

# The first example, as examples.md compiles it, on the development package. Debian's default has
# no compiler.
compile() {
	local deb lib command

	for deb in "$OUT"/debs/libaxas{1,-dev}_*.deb; do
		dpkg -x "$deb" "$OUT/dev"
	done
	lib=$(dirname "$OUT"/dev/usr/lib/*/pkgconfig)
	command=$(sed -n 's/^    \(gcc .*pkg-config.*\)/\1/p' "$AXAS_SRC/Documentation/examples.md")
	[[ $command ]] || die "examples.md shows no gcc"
	(
		# shellcheck disable=SC2317  # the command calls it
		pkg-config() { command pkg-config --define-variable=prefix=/usr "$@"; }
		export PKG_CONFIG_LIBDIR=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$OUT/dev
		cd "$AXAS_SRC/Documentation/examples"
		eval "${command/-o user/-o "$1/axas/stranger"}"
	)
}

# The disk from which firmware boots, as Debian fills it: signed by Microsoft and by Debian. The
# firmware looks for a loader in EFI/BOOT, shim for GRUB beside itself, GRUB for EFI/debian.
boot_disk() {
	local root=$1 disk=$OUT/esp

	touch "$root/axas/secure"
	truncate -s 256M "$disk"
	mkfs.vfat -n ESP "$disk"
	cat >"$OUT/grub.cfg" <<-EOT
		linux /vmlinuz root=/dev/vda rw quiet console=ttyS0 panic=-1 oops=panic \
			ignore_loglevel log_buf_len=16M no_timer_check isolcpus=0
		initrd /initrd
		boot
	EOT
	mmd -i "$disk" ::EFI ::EFI/BOOT ::EFI/debian
	mcopy -i "$disk" "$root/usr/lib/shim/shimx64.efi.signed" ::EFI/BOOT/BOOTX64.EFI
	mcopy -i "$disk" "$root/usr/lib/shim/mmx64.efi.signed" ::EFI/BOOT/mmx64.efi
	mcopy -i "$disk" "$root/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" \
		::EFI/BOOT/grubx64.efi
	mcopy -i "$disk" "$OUT/grub.cfg" ::EFI/debian/
	mcopy -i "$disk" "$OUT/vmlinuz" "$OUT/initrd" ::
	cp /usr/share/OVMF/OVMF_VARS_4M.ms.fd "$OUT/variables"
	chmod a+rw "$disk" "$OUT/variables"
}

# In a mount namespace of its own: the root folder of the cache stays as it is.
machine() {
	local base=$1 root=$OUT/root

	mkdir -p "$root" "$OUT/work" "$OUT/over"/{upper,work}
	mount -t overlay overlay \
		-o "lowerdir=$base,upperdir=$OUT/over/upper,workdir=$OUT/over/work" "$root"
	prepare "$root"
	files "$root" >"$OUT/files-before"
	cp "$root/etc/group" "$OUT/group-before"
	# shellcheck disable=SC2016  # dpkg-query's format
	in_root "$root" dpkg-query -W -f '${Package}\n' >"$OUT/packages-before"
	[[ ! -d $OUT/older ]] || install_debs "$root" "$OUT/older"
	install_debs "$root" "$OUT/debs"
	compile "$root"
	files "$root" >"$OUT/files-installed"
	cp "$OUT"/{files,group,packages}-before "$OUT/files-installed" "$root/axas/"
	cp "$AXAS_SRC/VERSION" "$root/axas/version"
	declare -f files >"$root/axas/files.sh"
	cp "$root"/boot/vmlinuz-* "$OUT/vmlinuz"
	cp "$root"/boot/initrd.img-* "$OUT/initrd"
	[[ ! ${AXAS_SECURE:-} ]] || boot_disk "$root"
	mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$root" "$OUT/disk" 4G
	chmod a+rw "$OUT/disk"
}

# secure_boot NAME: the firmware boots the disk. Its variables, with the keys, stay.
secure_boot() {
	AXAS_TIMEOUT=${AXAS_TIMEOUT:-1800} AXAS_QEMU="$AXAS_QEMU -machine smm=on \
		-global driver=cfi.pflash01,property=secure,value=on \
		-drive if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd \
		-drive if=pflash,unit=1,format=raw,file=$OUT/variables \
		-drive file=$OUT/esp,if=virtio,format=raw" \
		run_logged "$NAME $1" "$OUT/$1.log" "$AXAS_SCRIPTS/vm.sh" "$OUT/$1" - -
}

# shown LOG PATTERN: has the machine shown it? MokManager places each word on the screen.
shown() { [[ $(tr -d '\0\r' <"$1" | sed 's/\x1b\[[0-9;]*[A-Za-z]//g') =~ $2 ]]; }

wait_for() {
	until shown "$@"; do
		sleep 0.2
	done
}

# What a person does at the blue screen: any key, if it counts seconds; then "Enroll MOK",
# "Continue", "Yes", the password, "Reboot".
person() {
	local log=$OUT/enrol/kernel.log

	wait_for "$log" 'Press any key|Enroll MOK'
	shown "$log" 'Enroll MOK' || echo sendkey ret
	wait_for "$log" 'Enroll MOK'
	printf 'sendkey %s\n' down ret
	wait_for "$log" 'View key 0'
	printf 'sendkey %s\n' down ret
	wait_for "$log" 'Enroll the key'
	printf 'sendkey %s\n' down ret
	wait_for "$log" 'Password'
	printf 'sendkey %s\n' a x a s a x a s ret
	wait_for "$log" 'Reboot'
	echo sendkey ret
}

# Three boots: the modules are refused, the key is enrolled, they are used.
secure_boots() {
	local who monitor

	secure_boot refused || true
	machine_results "$NAME refused" "$OUT/refused" || true
	mkdir -p "$OUT/enrol"
	: >"$OUT/enrol/kernel.log"
	mkfifo "$OUT/monitor"
	exec {monitor}<>"$OUT/monitor"
	person >&"$monitor" &
	who=$!
	AXAS_MONITOR=$OUT/monitor secure_boot enrol 2>/dev/null || true
	kill "$who" 2>/dev/null || true
	secure_boot . || true
}

main() {
	local suite=${1:--} base

	if [[ $suite == --machine ]]; then
		machine "$2"
		return
	fi
	takes 0 1 "$@"
	NAME=install${AXAS_SECURE:+-secure-boot}
	[[ $suite == - ]] || NAME+=-$suite
	export OUT=$AXAS_LOGS/$NAME
	lock "out-$(basename "$AXAS_LOGS")-$NAME"
	as_root rm -rf "$OUT"
	mkdir -p "$OUT"
	need_packages e2fsprogs qemu-system-x86 gcc pkg-config
	[[ ! ${AXAS_SECURE:-} ]] || need_packages ovmf dosfstools mtools
	"$AXAS_SCRIPTS/deb.sh" "$OUT/debs" "$suite" >"$OUT/built"
	record "pass $NAME: packages_build_and_lintian_is_clean"
	if [[ ${AXAS_EFFORT:-} == full ]]; then
		AXAS_DEB_VERSION=0.0.1 "$AXAS_SCRIPTS/deb.sh" "$OUT/older" "$suite" >>"$OUT/built"
	fi
	"$AXAS_SCRIPTS/build-user.sh" "$OUT/user" tests/guests >"$OUT/build-user.log" 2>&1
	# shellcheck disable=SC2046,SC2086  # several words
	base=$("$AXAS_SCRIPTS/debian-root.sh" "$suite" $SYSTEM $TRACERS -- $(libraries_of "$suite"))
	run_logged "$NAME packages" "$OUT/install.log" as_root env OUT="$OUT" \
		AXAS_CACHE="$AXAS_CACHE" unshare -m "$0" --machine "$base"
	export AXAS_QEMU="-drive file=$OUT/disk,if=virtio,format=raw,cache=unsafe"
	if [[ ${AXAS_SECURE:-} ]]; then
		secure_boots
	else
		run_logged "$NAME" "$OUT/vm.log" "$AXAS_SCRIPTS/vm.sh" "$OUT" "$OUT/vmlinuz" \
			"$OUT/initrd" root=/dev/vda rw quiet || true
	fi
	as_root rm -rf "$OUT/disk" "$OUT/over" "$OUT/root"
	machine_results "$NAME" "$OUT"
}

main "$@"
