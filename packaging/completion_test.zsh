# SPDX-License-Identifier: GPL-2.0-only
#
# completion_test.zsh LINE: print the words that zsh offers after LINE, one a line: a shell on a
# terminal of its own gets the line and a Tab. That shell sources this file with --setup, in which
# compadd also prints what it is given.

setup() {
	fpath=($PWD/packaging $fpath)
	autoload -U compinit && compinit -u -D
	compdef _axasctl axasctl
	compadd() {
		local -a hits
		[[ -n ${(M)@:#-[OAD]} ]] || { builtin compadd -O hits "$@"; print -l -- "<"${^hits}">" }
		builtin compadd "$@"
	}
	# Tab is a key only once a line is edited.
	zle-line-init() { print ready }
	zle -N zle-line-init
}

if [[ $1 == --setup ]]; then
	setup
	return
fi
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT= RPROMPT=; source packaging/completion_test.zsh --setup"
zpty -r -m shell line '*ready*'
zpty -w -n shell "$1"$'\t\x15'
# Put together by the shell, so that it is not in what was typed.
zpty -w shell 'print do""ne'
zpty -r -m shell line '*done*'
zpty -d shell
print -r -- "$line" | tr -d '\r' | grep -oE '<[a-z-]+>' | tr -d '<>'
