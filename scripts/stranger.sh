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
# AXAS_EFFORT  full: an older version is installed first, and upgraded

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

SYSTEM="systemd-sysv udev kmod linux-image-amd64 linux-headers-amd64 dkms man-db bash-completion"

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

# A service that runs the test, and the files it needs.
prepare() {
	local root=$1 unit=$1/etc/systemd/system/stranger.service

	mkdir -p "$root/axas"
	cp "$OUT"/user/tests/guests/hello.elf "$AXAS_SCRIPTS"/guest/{stranger,lib}.sh "$root/axas/"
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

# install_debs ROOT FOLDER: as the reader of README does, from a folder with the packages.
install_debs() {
	local root=$1 debs=$2

	rm -rf "$OUT/work"
	mkdir "$OUT/work"
	cp "$debs"/*.deb "$OUT/work/"
	rm -f "$OUT"/work/*-dbgsym*
	in_root "$root" sh -euc 'DEBIAN_FRONTEND=noninteractive \
		apt-get -y -o APT::Sandbox::User=root install ./*.deb'
}

# The example of README, on the development package. Debian's default has no compiler.
compile() {
	local deb lib

	for deb in "$OUT"/debs/libaxas{1,-dev}_*.deb; do
		dpkg -x "$deb" "$OUT/dev"
	done
	lib=$(dirname "$OUT"/dev/usr/lib/*/pkgconfig)
	# shellcheck disable=SC2046  # several words
	gcc -D_GNU_SOURCE -O2 -Wall -Werror -o "$1/axas/stranger" "$AXAS_SRC/Documentation/examples/user.c" \
		$(PKG_CONFIG_LIBDIR=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$OUT/dev \
			pkg-config --define-variable=prefix=/usr --cflags --libs libaxas)
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
	mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$root" "$OUT/disk" 4G
}

main() {
	local suite=${1:--} base

	if [[ $suite == --machine ]]; then
		machine "$2"
		return
	fi
	takes 0 1 "$@"
	NAME=install
	[[ $suite == - ]] || NAME=install-$suite
	export OUT=$AXAS_LOGS/$NAME
	lock "out-$(basename "$AXAS_LOGS")-$NAME"
	as_root rm -rf "$OUT"
	mkdir -p "$OUT"
	need_packages e2fsprogs qemu-system-x86 gcc pkg-config
	"$AXAS_SCRIPTS/deb.sh" "$OUT/debs" "$suite" >"$OUT/built"
	record "pass $NAME: packages_build_and_lintian_is_clean"
	if [[ ${AXAS_EFFORT:-} == full ]]; then
		AXAS_DEB_VERSION=0.0.1 "$AXAS_SCRIPTS/deb.sh" "$OUT/older" "$suite" >>"$OUT/built"
	fi
	"$AXAS_SCRIPTS/build-user.sh" "$OUT/user" tests/guests >"$OUT/build-user.log" 2>&1
	# shellcheck disable=SC2046,SC2086  # several words
	base=$("$AXAS_SCRIPTS/debian-root.sh" "$suite" $SYSTEM -- $(libraries_of "$suite"))
	run_logged "$NAME packages" "$OUT/install.log" as_root env OUT="$OUT" \
		AXAS_CACHE="$AXAS_CACHE" unshare -m "$0" --machine "$base"
	AXAS_QEMU="-drive file=$OUT/disk,if=virtio,format=raw,cache=unsafe" \
		run_logged "$NAME" "$OUT/vm.log" "$AXAS_SCRIPTS/vm.sh" "$OUT" "$OUT/vmlinuz" \
		"$OUT/initrd" root=/dev/vda rw quiet || true
	as_root rm -rf "$OUT/disk" "$OUT/over" "$OUT/root"
	machine_results "$NAME" "$OUT"
}

main "$@"
