#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# docs_test.sh AXASCTL: the manual pages, the HTML pages, their C code and the completion, as TAP.
# The pages have no warning, and name each command, ioctl and function; what they show in C is in
# the examples, which are compiled and run; bash and zsh complete what axasctl --help lists.

# shellcheck disable=SC2317  # functions are called by is
case ${1:-} in
-h | --help) awk 'NR > 3 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; exit ;;
esac

ctl=$(realpath "$1")
cd "$(dirname "$0")/../.." || exit
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
PATH=$(dirname "$ctl"):$PATH
nr=0 failed=0

# is NAME COMMAND...
is() {
	local name=$1

	shift
	if "$@" >"$tmp/out" 2>&1; then
		echo "ok $((++nr)) - $name"
	else
		echo "not ok $((++nr)) - $name"
		sed 's/^/# /' "$tmp/out"
		failed=1
	fi
}

page_is_clean() {
	! mandoc -T lint -W warning "$1" | grep . &&
		! man --warnings -l "$1" 2>&1 >/dev/null | grep .
}

# names FILE WORD...: the page says each of them.
names() {
	local file=$1 word missing=0

	shift
	(($#)) || return
	for word; do
		grep -qE "(^|[^a-zA-Z_])${word//-/\\\\?-}($|[^a-zA-Z_])" "$file" ||
			{ echo "no $word"; missing=1; }
	done
	return "$missing"
}

commands() { "$ctl" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'; }
options() { "$ctl" "$1" --help | sed -nE 's/^ +(-[a-z], )?(--[a-z-]+).*/\2/p'; }
ioctls() { sed -n 's/^#define \(AX[A-Z0-9_]*\)[ \t]*_IO(.*/\1/p' "include/uapi/axas/$1"; }
functions() { sed -n 's/^\t\(ax[a-z0-9_]*\);/\1/p' lib/libaxas.map; }

# Each function of the library and each struct of an ioctl has an entry to link to.
html_has_entries() {
	local name missing=0

	for name in $(functions | sed 's/^/libaxas./') $(sed -n 's/^struct \(ax[a-z_]*\) {/\1/p' \
		include/uapi/axas/*.h); do
		grep -q "id=\"c\.$name\"" "$tmp"/html/api/*.html || { echo "no $name"; missing=1; }
	done
	return "$missing"
}

# Without comments and spaces around, and only up to an ellipsis.
bare() {
	sed -E 's/[[:space:]]+/ /g; s@ ?/\*.*\*/@@g; s/ ?\.\.\.( .*)?$//; s/^ //; s/ $//' "$@"
}

# shown_in_c FILE: each block of C of a page, its lines after its first line's number.
shown_in_c() { awk '/^```/ { inside = /^```c$/; if (inside) print "== " NR + 1; next } inside' "$1"; }

# All lines of a block are in one of the examples, in order.
c_code_is_in_the_examples() {
	local page=$1

	bare Documentation/examples/pages.c >"$tmp/pages.c"
	bare Documentation/examples/vmm.c >"$tmp/vmm.c"
	bare Documentation/examples/pages_module.c >"$tmp/pages_module.c"
	shown_in_c "$page" | bare | awk -v page="$page" '
	FNR == 1 { file++ }
	file < 4 { code[file, ++n[file]] = $0; next }
	/^== / { end(); block = $2; next }
	$0 != "" { shown[++nr] = $0 }
	END { end(); exit failed }
	# The first line that is not in order.
	function missing(file,  i, j) {
		for (i = j = 1; i <= nr && j <= n[file]; j++)
			i += index(code[file, j], shown[i]) == 1
		return i <= nr ? i : 0
	}
	function end(  file, best, i) {
		best = 0
		for (file = 1; file < 4 && nr; file++) {
			i = missing(file)
			best = i ? (i > best ? i : best) : nr + 1
			if (!i)
				break
		}
		if (nr && best <= nr) {
			print page ":" block ": in no example: " shown[best]
			failed = 1
		}
		nr = 0
	}' "$tmp/pages.c" "$tmp/vmm.c" "$tmp/pages_module.c" -
}

# errors_agree HEADER PAGE: the table of calls in PAGE names only errors that the comments in HEADER
# name, and all that a comment on one call has after "Errors:".
errors_agree() {
	local page=$2 known

	known=$(grep -ohE '\bE[A-Z0-9]+\b' /usr/include/asm-generic/errno{-base,}.h | tr '\n' ' ')
	awk -v known="$known" '
	function errors(text,   n, i, words, list) {
		list = " "
		gsub(/[^A-Z0-9_]/, " ", text)
		n = split(text, words, " ")
		for (i = 1; i <= n; i++)
			if (index(" " known, " " words[i] " ") && !index(list, " " words[i] " "))
				list = list words[i] " "
		return list
	}
	function more(call, in_one, than, where,   n, i, words) {
		n = split(in_one, words, " ")
		for (i = 1; i <= n; i++)
			if (!index(than, " " words[i] " ")) {
				print call ": " words[i] " only in the " where
				bad = 1
			}
	}
	/^\/\*\*/ { text = ""; calls = ""; inside = 1 }
	FNR == NR && inside && / - AX/ {
		calls = $0
		sub(/.* - /, "", calls)
		sub(/:.*| on .*/, "", calls)
		alone = calls !~ /,/
	}
	FNR == NR && inside { text = text " " $0 }
	FNR == NR && /\*\/$/ && inside {
		n = split(calls, names, /, */)
		for (i = 1; i <= n; i++) {
			header[names[i]] = errors(text)
			after = alone && sub(/.*Errors:/, "", text) ? errors(text) : ""
			own[names[i]] = after
		}
		inside = 0
	}
	FNR != NR && /^\| `AX[A-Z0-9_]*`/ {
		split($0, cells, /`/)
		call = cells[2]
		listed++
		if (!(call in header))
			next
		more(call, errors($0), header[call] " EINVAL EFAULT ", "page")
		more(call, own[call], errors($0) " EINVAL EFAULT EBADF ", "header")
	}
	END { exit bad || !listed }' "include/uapi/axas/$1" "$page"
}

# bash_completes LINE: print what bash offers for its last word.
bash_completes() {
	bash --norc -c '. /usr/share/bash-completion/bash_completion
		. packaging/axasctl.bash
		COMP_LINE=$1 COMP_POINT=${#1}
		read -ra COMP_WORDS <<<"$1"
		[[ $1 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		compopt() { :; }
		_axasctl
		printf "%s\n" "${COMPREPLY[@]}"' bash "$1"
}

# offers SHELL LINE WORD...: these, and no others.
offers() {
	local shell=$1 line=$2

	shift 2
	(($#)) || return
	diff <(printf '%s\n' "$@" | sort -u) <("${shell}_completes" "$line" | sed 's/=$//' | sort -u)
}

# zsh_completes LINE: a terminal in which somebody types it, then Tab.
zsh_completes() {
	timeout 60 zsh -f packaging/completion_test.zsh "$1"
}

awk -f lib/man.awk lib/libaxas.h >"$tmp/libaxas.3"
for page in tools/axasctl/axasctl.1 Documentation/axas.4 Documentation/axvcpu.4 "$tmp/libaxas.3"; do
	is "page_is_clean ${page##*/}" page_is_clean "$page"
done
mapfile -t words < <(commands)
is axasctl.1_names_every_command names tools/axasctl/axasctl.1 "${words[@]}"
for command in "${words[@]}"; do
	mapfile -t options < <(options "$command" | grep -vxE -- '--help')
	is "axasctl.1_names_the_options $command" names tools/axasctl/axasctl.1 "${options[@]}"
done
mapfile -t ioctls < <(ioctls axas.h)
is axas.4_names_every_ioctl names Documentation/axas.4 "${ioctls[@]}"
mapfile -t ioctls < <(ioctls vcpu.h)
is axvcpu.4_names_every_ioctl names Documentation/axvcpu.4 "${ioctls[@]}"
for page in axas.h:user-api.md vcpu.h:vcpu.md; do
	mapfile -t ioctls < <(ioctls "${page%:*}")
	is "${page#*:}_names_every_ioctl" names "Documentation/${page#*:}" "${ioctls[@]}"
	is "${page#*:}_has_the_errors_of_each_call" errors_agree "${page%:*}" "Documentation/${page#*:}"
done
mapfile -t functions < <(functions)
is libaxas.3_names_every_function names "$tmp/libaxas.3" "${functions[@]}"
is html_pages_have_no_warning scripts/htmldocs.sh "$tmp/html"
is html_pages_have_every_function_and_struct html_has_entries

for page in README.md $(grep -l '^```c$' Documentation/*.md); do
	# It has a scheme, with X for the name.
	[[ $page == */formats.md ]] || is "c_code_is_in_the_examples $page" c_code_is_in_the_examples "$page"
done

is bash_offers_the_commands offers bash 'axasctl ' "${words[@]}"
is bash_goes_on_after_options offers bash 'axasctl --json --fd 3 pop' populate
for command in map boot create show top latency; do
	mapfile -t options < <(options "$command"; "$ctl" "$command" --help |
		sed -nE 's/^ +(-[a-z])(,| ).*/\1/p')
	is "bash_offers_the_options $command" offers bash "axasctl $command -" "${options[@]}"
done
is bash_offers_kinds_of_memory offers bash 'axasctl map ' alloc linear file shared backend
is bash_offers_what_images_do offers bash 'axasctl image ' freeze save diff reset ls load
is bash_offers_files offers bash 'axasctl boot lib/libaxas.m' lib/libaxas.map
is zsh_offers_the_commands offers zsh 'axasctl ' "${words[@]}"
mapfile -t options < <(options map)
is zsh_offers_the_options offers zsh 'axasctl map --' "${options[@]}"
echo "1..$nr"
exit $failed
