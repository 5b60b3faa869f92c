#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernel-set.sh NAME [headers|all]: find one of Debian's kernels with all that is needed to
# build for it and to boot it, unpack that into the cache, and print the paths as shell
# assignments. NAME is a line of the table below, which lists suites of Debian in the order
# in which they are tried. An archive may be inconsistent during an update, or gone: a
# suite's last result is kept, and used if the archive fails.
#
#   SUITE     the suite that served, or "-" for this machine's own
#   RELEASE   the kernel's, as uname -r prints it
#   KDIR      headers, to pass to make; make_for (lib.sh) selects the tools for them
#   KERNEL    (all) the file to boot
#   MODULES   (all) the folder of the kernel's modules
#   BUSYBOX   (all) a static busybox of that architecture
#   LIBS      (all) the folder of libjson-c, libmd, libfdt, zlib; empty: the compiler's default path
#
# AXAS_WITHOUT  suites to skip, separated by spaces

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

HOST_ARCH=$(dpkg --print-architecture)
LIBRARIES="libjson-c-dev libmd-dev libfdt-dev zlib1g-dev"

debs() { "$AXAS_SCRIPTS/debs.sh" "$@"; }

# For this machine's Debian release: the name, the Debian architecture, the kernel's flavour (-:
# that of the architecture), and "SUITE/SERIES" in order. Without SERIES it is the suite's own kernel, or its newest.
table() {
	cat <<-EOT
		12 amd64 amd64 - - -/6.12 trixie
		13 amd64 amd64 - - sid
		12 arm64 arm64 - - -/6.12 trixie sid
		13 arm64 arm64 - - sid
		12 riscv64 riscv64 - trixie forky sid
		13 riscv64 riscv64 - - forky sid
		12 amd64-6.12 amd64 - -/6.12 trixie/6.12
		13 amd64-6.12 amd64 - -
		any amd64-7.2 amd64 - trixie-backports/7.2 sid forky
		12 arm64-6.12 arm64 - -/6.12 trixie/6.12
		any arm64-7.2 arm64 - trixie-backports/7.2 sid forky
		any riscv64-7.2 riscv64 - trixie-backports/7.2 sid forky
		any amd64-own amd64 - -
		12 cloud amd64 cloud-amd64 - trixie
		13 cloud amd64 cloud-amd64 - sid
		12 rt amd64 rt-amd64 - trixie
		13 rt amd64 rt-amd64 - sid
		any arm64-16k arm64 arm64-16k trixie sid forky
		any amd64-7.3 amd64 - trixie-backports/7.3 experimental/7.3
		any amd64-rc amd64 - experimental
	EOT
}

# Another architecture's compiler, as Debian names it.
cross_compiler() {
	case $ARCH in
	"$HOST_ARCH") ;;
	amd64) echo gcc-x86-64-linux-gnu ;;
	arm64) echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
	riscv64) echo gcc-riscv64-linux-gnu libc6-dev-riscv64-cross ;;
	esac
}

# The headers of this machine's own suite, for which its compilers serve.
own_headers() {
	# shellcheck disable=SC2046  # several words
	need_packages $(cross_compiler)
	AXAS_FLAVOUR=$FLAVOUR "$AXAS_SCRIPTS/headers.sh" "$ARCH" "$1"
}

# The newest headers of another suite, in a root folder with their tools: the tools may need a
# newer C library, and the kernel a newer compiler, than this machine has.
foreign_headers() {
	local suite=$1 series=${2:-[0-9]+.[0-9]+} name deps root tools extra

	name=$(debs --newest "$ARCH" "$suite" \
		"linux-headers-${series//./\\.}(\\.[0-9]+)?(-[0-9]+)?([+~][a-z0-9]+)*-$FLAVOUR")
	[[ $name ]] || die "$suite has no headers of Linux ${2:-} for $ARCH"
	deps=$(debs --depends "$ARCH" "$suite" "$name")
	tools="make binutils coreutils dash sed grep gawk findutils diffutils kmod"
	tools+=" $(grep -E '^linux-kbuild-' <<<"$deps") $(cross_compiler)"
	[[ $ARCH != "$HOST_ARCH" ]] || tools+=" $(grep -m 1 -E '^gcc-' <<<"$deps")"
	extra="$name $(grep -m 1 -E '^linux-headers-.*-common(-rt)?$' <<<"$deps"):all"
	[[ $ARCH == "$HOST_ARCH" ]] || extra+=" $LIBRARIES"
	# shellcheck disable=SC2086  # several words
	root=$(debs --root "$ARCH" "$suite" $tools -- $extra)
	printf '%s\n' "$root/usr/src/$name"
}

# The kernel of the headers' release. From 7.0 on its image is in two packages.
image() {
	local suite=$1 release=$2 root

	if [[ $(debs --newest "$ARCH" "$suite" "linux-binary-${release//[.+]/\\&}") ]]; then
		root=$(debs "$ARCH" "$suite" "linux-binary-$release" "linux-modules-$release")
	else
		root=$(debs "$ARCH" "$suite" "linux-image-$release")
	fi
	KERNEL=$(find "$root" -name 'vmlinu[xz]*' -type f | head -n 1)
	MODULES=$root
	[[ -f $KERNEL ]] || die "the kernel $release of $suite is not in its packages"
}

busybox() {
	local root

	root=$(debs "$ARCH" "$1" busybox-static)
	BUSYBOX=$(find "$root" -path '*bin/busybox' -type f | head -n 1)
	[[ -f $BUSYBOX ]] || die "busybox-static of $1 holds no busybox"
}

own_libs() {
	# shellcheck disable=SC2086  # several words
	LIBS=$(debs "$ARCH" - $LIBRARIES)
}

# serve SUITE [SERIES]: print the set if that suite has all parts of it.
serve() {
	local name

	shopt -s inherit_errexit
	SUITE=$1 KERNEL='' MODULES='' BUSYBOX='' LIBS=''
	if [[ $SUITE == - ]]; then KDIR=$(own_headers "$2"); else KDIR=$(foreign_headers "$1" "$2"); fi
	RELEASE=${KDIR##*/linux-headers-}
	if [[ $WHAT == all ]]; then
		image "$SUITE" "$RELEASE"
		busybox "$SUITE"
		[[ $SUITE != - || $ARCH == "$HOST_ARCH" ]] || own_libs
	fi
	for name in SUITE RELEASE KDIR KERNEL MODULES BUSYBOX LIBS; do
		printf '%s=%q\n' "$name" "${!name}"
	done
}

# at_hand FILE: check that all paths of a kept result are still in the cache.
at_hand() {
	local SUITE RELEASE KDIR KERNEL MODULES BUSYBOX LIBS path

	[[ -f $1 ]] || return 1
	# shellcheck disable=SC1090  # serve wrote it
	. "$1"
	for path in "$KDIR" "$KERNEL" "$MODULES" "$BUSYBOX" "$LIBS"; do
		[[ -z $path || -e $path ]] || return 1
	done
}

main() {
	local name=${1:-} suites way kept asked

	takes 1 2 "$@"
	WHAT=${2:-all}
	read -r ARCH FLAVOUR suites < <(table | awk -v release="$(debian_release)" -v name="$name" \
		'($1 == release || $1 == "any") && $2 == name { $1 = $2 = ""; print; exit }') ||
		die "no set $name; there are: $(table | cut -d' ' -f2 | sort -u | tr '\n' ' ')"
	[[ $FLAVOUR != - ]] || FLAVOUR=$ARCH
	export WHAT ARCH FLAVOUR HOST_ARCH LIBRARIES
	mkdir -p "$AXAS_CACHE/served"
	lock "served-$name-$WHAT"
	for way in $suites; do
		[[ " ${AXAS_WITHOUT:-} " != *" ${way%/*} "* ]] || continue
		kept=$AXAS_CACHE/served/$name-$WHAT-${way//\//-}-$(hash_of "$LIBRARIES")
		asked=${way/#-/this Debian}
		if [[ $(find "$kept" -mtime -1 2>/dev/null) ]] && at_hand "$kept"; then
			log "$name: $asked served within a day"
		elif strict serve "${way%/*}" "$([[ $way != */* ]] || echo "${way#*/}")" >"$kept.new"; then
			mv "$kept.new" "$kept"
			log "$name: $asked serves"
		elif at_hand "$kept"; then
			log "$name: $asked does not serve, taking what it gave before"
		else
			log "$name: $asked does not serve"
			continue
		fi
		cat "$kept"
		return
	done
	die "nobody serves $name; asked: $suites"
}

main "$@"
