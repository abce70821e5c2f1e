# SPDX-License-Identifier: MPL-2.0
# A completion for fish.
function head() {
	print "# -*- fish -*-"
}

function quoted(s) {
	return "'" escaped(s, "'\\") "'"
}

function action(i) {
	if (kind[i] == "file")
		return " -r -F"
	if (kind[i] == "dir")
		return " -x -a '(__fish_complete_directories)'"
	if (kind[i] == "interface")
		return " -x -a '(__fish_print_interfaces)'"
	if (kind[i] == "words")
		return " -x -a '" (list[i] ? "(" fn "_list " words[i] ")" : words[i]) "'"
	return kind[i] == "flag" ? "" : " -x"
}

function list_function(    i) {
	for (i = 1; i <= n; i++)
		if (kind[i] == "words" && list[i])
			break
	if (i > n)
		return
	print ""
	print "# The last item of a list with commas. What the list has already is not offered again."
	print "function " fn "_list"
	print "    set -l before (commandline -ct | string replace -r -- '^--[^=]*=' '' | string match -r -- '.*,')"
	print "    or set before ''"
	print "    for word in $argv"
	print "        contains -- $word (string split -- , $before)"
	print "        or echo $before$word"
	print "    end"
	print "end"
}

function emit(    i) {
	fn = tool
	gsub(/-/, "_", fn)
	fn = "__" fn
	list_function()
	print ""
	if (!("file" in has))
		print "complete -c " tool " -f"
	if ("interface" in has)
		print "complete -c " tool " -a '(__fish_print_interfaces)'"
	if (has_words != "")
		print "complete -c " tool " -a '" has_words "'"
	for (i = 1; i <= n; i++)
		print "complete -c " tool (letter[i] == "" ? "" : " -s " letter[i]) (name[i] == "" ? "" : " -l " name[i]) action(i) \
			" -d " quoted(help[i])
}
