# SPDX-License-Identifier: MPL-2.0
# What zsh completes: for every line of the file ASKED the line, a tab, what is offered, a tab, and the descriptions, to the file
# FOUND; what it complains of to COMPLAINTS. COMPLETIONS is the folder of them. This is the .zshrc of a zsh on a terminal, because
# completion wants a line editor; it ends when the first prompt would come.
fpath=($COMPLETIONS $fpath)
autoload -Uz compinit
compinit -u -D
# Sees everything that is offered.
compadd() {
	local -a hits shown
	local given=${argv[(I)-d]}
	if [[ ${argv[1,(i)(-|--)]} != *-[OAD]\ * ]]; then
		builtin compadd -A hits "$@"
		offered+=("$hits[@]")
		(( given )) && shown=("${(@P)argv[given + 1]}") && described+=("$shown[@]")
	fi
	builtin compadd "$@"
}
look() {
	_main_complete 2>>$COMPLAINTS
	compstate[insert]= compstate[list]=
}
zle -C look list-choices look
zle-line-init() {
	local line
	local -a offered described
	for line in "${(@f)$(<$ASKED)}"; do
		BUFFER=$line CURSOR=$#line offered=() described=()
		zle look
		print -r -- $line$'\t'$offered$'\t'$described
	done >$FOUND
	exit
}
zle -N zle-line-init
