#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# debs.sh ARCH SUITE PACKAGE...: download Debian packages, unpack them together into
# the cache, and print the folder. Nothing is installed.
# debs.sh --depends ARCH SUITE PACKAGE: print PACKAGE's dependencies, one a line.
# debs.sh --newest ARCH SUITE PATTERN: print the package of the highest version in its
# name, among those whose whole name matches PATTERN.
# debs.sh --root ARCH SUITE PACKAGE... [-- MORE...]: download PACKAGEs of this machine's
# architecture with all dependencies, and MORE, of any architecture, without dependencies;
# unpack them as a root folder for in-root.sh, and print it.
#
# ARCH is a Debian architecture, also a foreign one; SUITE is a Debian suite such as
# trixie, or "-" for this machine's own; trixie-backports includes trixie, experimental sid.
# PACKAGE:ARCH selects another architecture for one package. Package lists of foreign
# architectures are kept in the cache, too; this machine's apt configuration is not changed.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

HOST_ARCH=$(dpkg --print-architecture)
APT=(-o APT::Sandbox::User=root)
ROOT=

# The Debian archives that this machine uses, as sources.list lines for another
# architecture or suite.
foreign_sources() {
	local arch=$1 suite=$2 own base origin uri codename name
	local key=/usr/share/keyrings/debian-archive-keyring.gpg

	own=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	[[ $suite != - ]] || suite=$own
	base=${suite%-backports}
	[[ $suite != experimental ]] || base=sid
	# shellcheck disable=SC2016  # the names are apt's
	apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)|$(CODENAME)' \
		'Created-By: Packages' | sort -u |
		while IFS='|' read -r origin uri codename; do
			[[ $origin == Debian ]] || continue
			name=${codename/#$own/$base}
			[[ $codename != "$own" || $suite == "$base" ]] || name+=" $suite"
			for name in $name; do
				printf 'deb [arch=%s,%s signed-by=%s] %s %s main\n' "$arch" \
					"$HOST_ARCH" "$key" "$uri" "$name"
			done
		done
}

# Point APT at a private configuration unless this machine's own serves. Its lists
# are fetched again once a day, and after changes of the machine's sources.
use_apt_for() {
	local arch=$1 suite=$2 dir sources

	[[ $arch != "$HOST_ARCH" || $suite != - ]] || return 0
	apt_knows linux-source || apt_update
	dir=$AXAS_CACHE/apt/$arch-${suite/#-/own}
	lock "apt-$(basename "$dir")"
	mkdir -p "$dir"/{sources,lists,cache}
	sources=$(foreign_sources "$arch" "$suite")
	[[ $sources ]] || die "apt on this machine has no Debian archive"
	APT+=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$dir/sources"
		-o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir/cache"
		-o Dir::State::status=/dev/null -o "APT::Architecture=$HOST_ARCH"
		-o "APT::Architectures::=$HOST_ARCH" -o "APT::Architectures::=$arch"
		-o Debug::NoLocking=1)
	if [[ $sources != "$(cat "$dir/sources/axas.list" 2>/dev/null)" ||
		! $(find "$dir/updated" -mtime -1 2>/dev/null) ]]; then
		printf '%s\n' "$sources" >"$dir/sources/axas.list"
		log "fetching the package lists of $suite $arch"
		# An archive may be inconsistent during its mirror's update.
		if apt-get "${APT[@]}" -qq update >"$dir/update.log" 2>&1; then
			touch "$dir/updated"
		else
			log "warning: not all lists could be had, see $dir/update.log"
			touch -d '23 hours ago' "$dir/updated"
		fi
	fi
}

# PACKAGE:ARCH, but plain PACKAGE for this machine's own architecture.
qualified() {
	case $1 in
	*:"$HOST_ARCH") printf '%s\n' "${1%:*}" ;;
	*:*) printf '%s\n' "$1" ;;
	*) if [[ $ARCH == "$HOST_ARCH" ]]; then printf '%s\n' "$1"; else printf '%s:%s\n' "$1" "$ARCH"; fi ;;
	esac
}

depends() {
	apt-cache "${APT[@]}" depends "$(qualified "$1")" |
		sed -n 's/^ *|\{0,1\}Depends: <\{0,1\}\([^ :>]*\).*/\1/p'
}

version_of() {
	apt-cache "${APT[@]}" show --no-all-versions "$1" 2>/dev/null |
		sed -n 's/^Version: //p' | head -n 1
}

# download FOLDER PACKAGE...: if that fails, refresh the lists and try again.
download() {
	local dir=$1

	shift
	cd "$dir"
	apt-get "${APT[@]}" -qq download "$@" >&2 && return
	[[ $ARCH != "$HOST_ARCH" || $SUITE != - ]] || apt_update
	apt-get "${APT[@]}" -qq download "$@" >&2
}

# Lists also have names without a package, to which only dependencies refer.
newest() {
	local name

	apt-cache "${APT[@]}" pkgnames "${1%%[^a-z0-9-]*}" | grep -xE "$1" | sort -rV |
		while read -r name; do
			[[ $(version_of "$(qualified "$name")") ]] || continue
			printf '%s\n' "$name"
			break
		done
}

# PACKAGE=VERSION of all that PACKAGEs need on an empty machine.
closure() {
	apt-get "${APT[@]}" -o APT::Install-Recommends=0 -s install "$@" |
		sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1=\2/p' | sort
}

# No maintainer scripts run; make the link to awk that one of them would make.
unpack_root() {
	local dir

	for dir in bin sbin lib lib64; do
		mkdir -p "$1/usr/$dir"
		ln -s "usr/$dir" "$1/$dir"
	done
	mkdir -p "$1"/{dev,proc,tmp,work}
	ln -s gawk "$1/usr/bin/awk"
}

unpack() {
	local tmp debs deb dir=$1

	shift
	log "downloading $*"
	scratch debs
	cache_new tmp "$dir"
	(download "$debs" "$@") || die "cannot download $*"
	[[ -z $ROOT ]] || unpack_root "$tmp"
	for deb in "$debs"/*.deb; do
		dpkg -x "$deb" "$tmp"
	done
	cache_done "$tmp" "$dir"
}

# exactly PACKAGE...: print PACKAGE=VERSION of each, one a line.
exactly() {
	local pkg version

	for pkg in "$@"; do
		pkg=$(qualified "$pkg")
		version=$(version_of "$pkg")
		[[ $version ]] || { apt_update; version=$(version_of "$pkg"); }
		if [[ -z $version ]]; then
			rm -f "$AXAS_CACHE/apt/$ARCH-${SUITE/#-/own}/updated"
			die "no package $pkg in $SUITE"
		fi
		printf '%s\n' "$pkg=$version"
	done
}

root() {
	local wanted=() exact dir

	while (($#)) && [[ $1 != -- ]]; do
		wanted+=("$1")
		shift
	done
	(($# == 0)) || shift
	exact=$(closure "${wanted[@]}")
	[[ $exact ]] || die "$SUITE does not have all of ${wanted[*]}"
	exact+=$'\n'$(exactly "$@")
	mapfile -t exact < <(sed '/^$/d' <<<"$exact")
	dir=$AXAS_CACHE/roots/$SUITE-$(hash_of "${exact[@]}")
	lock debs
	[[ -d $dir ]] || unpack "$dir" "${exact[@]}"
	printf '%s\n' "$dir"
}

main() {
	local exact dir mode=

	case ${1:-} in
	--depends | --newest | --root)
		mode=${1#--}
		shift
		;;
	esac
	takes 3 3 "${@:1:3}"
	ARCH=$1 SUITE=$2
	shift 2
	use_apt_for "$ARCH" "$SUITE"
	if [[ $mode ]]; then
		[[ $mode != root ]] || ROOT=1
		"$mode" "$@"
		return
	fi
	exact=$(exactly "$@")
	mapfile -t exact <<<"$exact"
	dir=$AXAS_CACHE/debs/${1%%:*}-$ARCH-$(hash_of "${exact[@]}")
	lock debs
	[[ -d $dir ]] || unpack "$dir" "${exact[@]}"
	printf '%s\n' "$dir"
}

main "$@"
