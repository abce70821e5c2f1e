# SPDX-License-Identifier: MPL-2.0
# What bash completes: for every line of stdin the line, a tab, and what is offered. BASH_COMPLETION_USER_DIR has the completions
# as they are installed. Run with --norc.
. /usr/share/bash-completion/bash_completion
compopt() { :; } # works within readline only
loader=$(complete -p -D | sed 's/.*-F *\([^ ]*\).*/\1/')
while IFS= read -r line; do
	COMP_LINE=$line COMP_POINT=${#line} COMPREPLY=()
	# readline parts words at = and :, which are words, too
	read -ra COMP_WORDS <<<"$(sed 's/[=:]/ & /g' <<<"$line")"
	[[ $line != *[\ =:] ]] || COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	command=${COMP_WORDS[0]}
	complete -p "$command" >/dev/null 2>&1 || $loader "$command"
	function=$(complete -p "$command" | sed 's/.*-F *\([^ ]*\).*/\1/')
	$function "$command" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf '%s\t%s\n' "$line" "${COMPREPLY[*]}"
done
