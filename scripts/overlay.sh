#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# overlay.sh: make a kernel tree that includes a clone, and print its folder.
#
# The tree is a copy of the unpacked linux-source made of hard links (seconds, and
# no disk space) whose drivers/misc/axas is a symbolic link to a clone, so
# that an edit takes effect at once. All clones share the tree and its builds:
# before a build call lock_overlay (lib.sh), which sets the link.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# patch_line FILE SED-EXPRESSION: write a new file, which breaks the hard link and leaves
# the pristine source unchanged.
patch_line() {
	sed "$2" "$1" >"$1.new"
	mv "$1.new" "$1"
}

make_overlay() {
	local source=$1 tree=$2 tmp

	log "laying out $tree"
	cache_new tmp "$tree"
	cp -al "$source/." "$tmp/"
	patch_line "$tmp/drivers/misc/Kconfig" '/^endmenu/i source "drivers/misc/axas/Kconfig"'
	patch_line "$tmp/drivers/misc/Makefile" "\$a obj-y += axas/"
	ln -s "$AXAS_SRC" "$tmp/drivers/misc/axas"
	cache_done "$tmp" "$tree"
}

main() {
	local source tree

	takes 0 0 "$@"
	source=$("$AXAS_SCRIPTS/kernel-source.sh")
	tree=$AXAS_CACHE/overlay/$(basename "$source")
	lock layout
	[[ -d $tree ]] || make_overlay "$source" "$tree"
	printf '%s\n' "$tree"
}

main "$@"
