#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# htmldocs.sh [OUT]: make HTML pages of the documentation in the folder OUT (default: build/html),
# with Sphinx, MyST and the kernel's kernel-doc. Begins at OUT/index.html, as
# Documentation/index.md does, whose lists are the table of contents. The reference pages are
# made of the headers, and the manual pages by mandoc. Any warning is an error.

set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# kernel_doc: print the path of the kernel's script, which comes with the headers for modules.
kernel_doc() {
	local found

	found=$(find -L /usr/lib/linux-kbuild-*/scripts -maxdepth 1 -name kernel-doc 2>/dev/null |
		sort -V | tail -n 1)
	[[ $found ]] || die "linux-headers-$(dpkg --print-architecture) brings no kernel-doc"
	printf '%s\n' "$found"
}

# title TEXT LINE: a heading of reStructuredText.
title() { printf '%s\n%s\n\n' "$1" "${1//?/$2}"; }

# scope HEADER: functions have names of structs of the user API, which are in no scope.
scope() {
	case $1 in
	include/axas/*) printf '.. c:namespace:: kernel\n\n' ;;
	lib/*) printf '.. c:namespace:: libaxas\n\n' ;;
	esac
}

# api_page HEADER TITLE: the reference that a header holds.
api_page() {
	local header=$1

	title "$2" =
	awk -f "$AXAS_SCRIPTS/header-intro.awk" "$header"
	scope "$header"
	"$KERNEL_DOC" -Werror -rst -sphinx-version "$SPHINX" "$header"
	printf '\n'
	title "The header" -
	printf '.. literalinclude:: /%s\n   :language: c\n' "$header"
}

# The page of a header: api/NAME, by the path under which programs and modules include it.
page_of() { sed -E 's#^(include|lib)/##; s#[/.]#-#g; s#^#api/#' <<<"$1"; }

api_pages() {
	local header name

	mkdir -p api
	for header in include/axas/*.h include/uapi/axas/*.h lib/*.h; do
		name=$(sed -E 's#^(include|lib)/##' <<<"$header")
		api_page "$header" "<$name>" >"$(page_of "$header").rst"
	done
}

# man_page FILE: a manual page as mandoc formats it.
man_page() {
	title "$(basename "${1%.*}")(${1##*.})" =
	printf '.. raw:: html\n\n'
	mandoc -T html -O fragment "$1" | sed 's/^/   /'
}

man_pages() {
	local page

	mkdir -p man
	for page in tools/axasctl/*.[1-9] Documentation/*.[1-9]; do
		man_page "$page" >"man/$(basename "$page").rst"
	done
}

# Links from a Markdown page to a header or a manual page lead to the page made of it; a folder has
# none. Other files can be downloaded.
rewrite_links() {
	local page=$1 dir link target

	dir=$(dirname "$page")
	while read -r link; do
		target=$(realpath -m --relative-to=. "$dir/$link")
		case $target in
		include/*.h | lib/*.h) target=$(page_of "$target").rst ;;
		Documentation/index.md) target=index.md ;;
		*.[1-9]) target=man/$(basename "$target").rst ;;
		*)
			[[ ! -d $target ]] || sed -i -E "s#\[([^]]*)\]\($link\)#\1#g" "$page"
			continue
			;;
		esac
		sed -i "s#]($link)#]($(realpath -m --relative-to="$dir" "$target"))#g" "$page"
	done < <({ grep -oE '\]\([^)#:]+\)' "$page" || true; } | sed 's/^](//; s/)$//' | sort -u)
}

# The lists of index.md as tables of contents, and in the last one what they do not name.
contents() {
	local seen page

	seen=$(grep -oE '\]\([^)#]+' index.md | sed 's/^](//')
	awk '
	function end() { if (inside) print "```\n" }
	/^## / { end(); inside = 0; caption = substr($0, 4) }
	{
		for (rest = $0; caption && match(rest, /\]\([^)#:]*\.(md|rst)\)/); inside = 1) {
			if (!inside)
				print "\n```{toctree}\n:hidden:\n:caption: " caption "\n"
			print substr(rest, RSTART + 2, RLENGTH - 3)
			rest = substr(rest, RSTART + RLENGTH)
		}
	}
	END { end() }' index.md
	printf '\n```{toctree}\n:hidden:\n\n'
	find . -name '*.md' -printf '%P\n' | sort | while read -r page; do
		[[ $page == index.md ]] || grep -qxF "$page" <<<"$seen" || printf '%s\n' "$page"
	done
	printf '```\n'
}

lay_out() {
	cd "$1"
	cp Documentation/sphinx/conf.py .
	mkdir _static
	cp Documentation/sphinx/axas.css _static/
	api_pages
	man_pages
	sed -E 's#\]\(\.\./#](//#; s#\]\(([^/:)]+)\)#](Documentation/\1)#; s#\]\(//#](#' \
		Documentation/index.md >index.md
	rm Documentation/index.md
	find . -name '*.md' -printf '%P\n' | while read -r page; do
		rewrite_links "$page"
	done
	contents >index.contents
	cat index.contents >>index.md
}

main() {
	local out=${1:-$AXAS_SRC/build/html} src version

	takes 0 1 "$@"
	need_packages python3-sphinx python3-myst-parser mandoc perl
	ls /usr/lib/linux-kbuild-*/scripts/kernel-doc >/dev/null 2>&1 ||
		need_packages "linux-headers-$(dpkg --print-architecture)"
	out=$(realpath -m "$out")
	KERNEL_DOC=$(kernel_doc)
	version=$(cat "$AXAS_SRC/VERSION")
	SPHINX=$(sphinx-build --version | sed 's/.* //')
	export KERNEL_DOC SPHINX
	scratch src
	copy_sources "$src/axas"
	(strict lay_out "$src/axas")
	rm -rf "$out"
	AXAS_VERSION=$version sphinx-build -q -W --keep-going -j "$AXAS_JOBS" -b html \
		-d "$src/doctrees" "$src/axas" "$out"
	printf '%s\n' "$out/index.html"
}

main "$@"
