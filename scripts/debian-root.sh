#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# debian-root.sh SUITE PACKAGE... [-- MORE...]: make a Debian of that suite in the cache, with
# PACKAGEs installed as a person would install them, and print its folder. MORE are packages
# whose files, and those that they need, lie in its apt cache, so that they can be installed
# without a network. SUITE is a codename, or "-" for this machine's own.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

OWN=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)

# The Debian archives that this machine uses, for the suite.
sources() {
	apt_knows linux-source || apt_update
	# shellcheck disable=SC2016  # the names are apt's
	apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)|$(CODENAME)' 'Created-By: Packages' |
		sort -u | while IFS='|' read -r origin uri codename; do
		[[ $origin == Debian && $codename != *-backports ]] || continue
		printf 'deb %s %s main\n' "$uri" "${codename/#$OWN/$SUITE}"
	done
}

bootstrap() {
	local dir=$1 tmp

	shift
	cache_new tmp "$dir"
	sources >"$tmp.list"
	[[ -s $tmp.list ]] || die "apt on this machine has no Debian archive"
	# The folder /work is for in-root.sh.
	# shellcheck disable=SC2016  # mmdebstrap's shell expands it
	as_root mmdebstrap --mode=root --variant=minbase --include="$(tr ' ' , <<<"$PACKAGES")" \
		--customize-hook='mkdir -p "$1/work"' \
		--customize-hook="[ -z '$*' ] || chroot \"\$1\" apt-get -y --download-only \
			--no-install-recommends install $*" \
		--skip=cleanup/apt/cache,cleanup/apt/lists "$SUITE" "$tmp" - <"$tmp.list"
	rm "$tmp.list"
	as_root rm -rf "$dir"
	as_root mv -T "$tmp" "$dir"
}

main() {
	local dir packages=()

	takes 1 1 "${@:1:1}"
	SUITE=${1/#-/$OWN}
	shift
	while (($#)) && [[ $1 != -- ]]; do
		packages+=("$1")
		shift
	done
	(($# == 0)) || shift
	PACKAGES=${packages[*]}
	need_packages mmdebstrap
	export PACKAGES SUITE OWN
	dir=$AXAS_CACHE/roots/debian-$SUITE-$(hash_of "$PACKAGES" "$*")
	lock "$(basename "$dir")"
	[[ -d $dir ]] || run_logged "Debian $SUITE" "$dir.log" bootstrap "$dir" "$@" >&2
	printf '%s\n' "$dir"
}

main "$@"
