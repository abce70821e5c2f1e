# SPDX-License-Identifier: MPL-2.0
# A completion for bash, with what the package bash-completion has for all.
function head() {
	print "# -*- shell-script -*-"
}

# The pattern of the words behind which an option's value stands: --bpf, -b, -vb
function pattern(i) {
	return (name[i] == "" ? "" : "--" name[i]) (name[i] != "" && letter[i] != "" ? "|" : "") \
		(letter[i] == "" ? "" : "-*([" flags "])" letter[i])
}

function action(i) {
	if (kind[i] == "file")
		return "_filedir; return"
	if (kind[i] == "dir")
		return "_filedir -d; return"
	if (kind[i] == "interface")
		return fn "_interfaces; return"
	if (kind[i] == "words")
		return fn (list[i] ? "_list" : "_words") " '" words[i] "'; return"
	return "return"
}

function uses(k, is_list,    i) {
	for (i = 1; i <= n; i++)
		if (kind[i] == k && (is_list == "" || list[i] == is_list))
			return 1
	return 0
}

function helpers() {
	if (has_words != "" || "interface" in has || uses("words", 0) || uses("interface")) {
		print ""
		print fn "_words()"
		print "{"
		print "\tCOMPREPLY+=($(compgen -W \"$1\" -- \"$cur\"))"
		print "\t__ltrim_colon_completions \"$cur\""
		print "}"
	}
	if (uses("words", 1)) {
		print ""
		print "# The last item of a list with commas. What the list has already is not offered again."
		print fn "_list()"
		print "{"
		print "\tlocal before= left= word"
		print "\t[[ $cur != *,* ]] || before=${cur%,*},"
		print "\tfor word in $1; do"
		print "\t\t[[ ,$before == *,$word,* ]] || left+=\" $word\""
		print "\tdone"
		print "\tCOMPREPLY=($(compgen -P \"$before\" -W \"$left\" -- \"${cur##*,}\"))"
		print "\t__ltrim_colon_completions \"$cur\""
		print "\tcompopt -o nospace"
		print "}"
	}
	if ("interface" in has || uses("interface")) {
		print ""
		print fn "_interfaces()"
		print "{"
		print "\t" fn "_words \"$(cd /sys/class/net && echo *)\""
		print "}"
	}
}

function emit(    i, all) {
	fn = tool
	gsub(/-/, "_", fn)
	fn = "_" fn
	for (i = 1; i <= n; i++) {
		if (kind[i] == "flag")
			flags = flags letter[i]
		all = all (letter[i] == "" ? "" : " -" letter[i]) (name[i] == "" ? "" : " --" name[i])
	}
	helpers()
	print ""
	print fn "()"
	print "{"
	print "\tlocal cur prev words cword split i only_operands="
	print "\t_init_completion -s -n : || return"
	print "\tfor ((i = 1; i < cword; i++)); do"
	print "\t\t[[ ${words[i]} != -- ]] || only_operands=1"
	print "\tdone"
	print "\tif [[ ! $only_operands ]]; then"
	print "\t\tcase $prev in"
	for (i = 1; i <= n; i++)
		if (kind[i] != "flag")
			print "\t\t" pattern(i) ") " action(i) " ;;"
	print "\t\tesac"
	print "\t\t[[ $split != true ]] || return"
	print "\t\tif [[ $cur == -* ]]; then"
	print "\t\t\tCOMPREPLY=($(compgen -W '" substr(all, 2) "' -- \"$cur\"))"
	print "\t\t\treturn"
	print "\t\tfi"
	print "\tfi"
	if (has_words != "")
		print "\t" fn "_words '" has_words "'"
	if ("interface" in has)
		print "\t" fn "_interfaces"
	if ("file" in has)
		print "\t_filedir"
	print "\treturn 0"
	print "} &&"
	printf "\tcomplete -F %s %s", fn, tool
	for (i = 1; i <= nlinks; i++)
		printf " %s", links[i]
	print ""
}
