# SPDX-License-Identifier: MPL-2.0
# A completion for zsh: an _arguments call.
function head() {
	print "#compdef " tool other_names
}

function quoted(s) {
	gsub(/'/, "'\\''", s)
	return "'" s "'"
}

# Inside of a specification a colon ends a field.
function field(s) {
	return escaped(s, ":")
}

function action(k, w, comma) {
	if (k == "file")
		return "_files"
	if (k == "dir")
		return "_files -/"
	if (k == "interface")
		return "compadd - /sys/class/net/*(N:t)"
	if (k == "words")
		return comma ? "_sequence compadd - " w : "(" w ")"
	return " "
}

function specification(i,    names, rest) {
	rest = "[" escaped(help[i], "[]\\") "]"
	if (kind[i] != "flag")
		rest = rest ":" field(arg[i]) ":" field(action(kind[i], words[i], list[i]))
	if (letter[i] == "" || name[i] == "") {
		names = letter[i] != "" ? "-" letter[i] (kind[i] == "flag" ? "" : "+") : "--" name[i] (kind[i] == "flag" ? "" : "=")
		return quoted((many[i] ? "*" : "") names rest)
	}
	names = kind[i] == "flag" ? "{-" letter[i] ",--" name[i] "}" : "{-" letter[i] "+,--" name[i] "=}"
	return quoted(many[i] ? "*" : "(-" letter[i] " --" name[i] ")") names quoted(rest)
}

# One more alternative, where there are several. The blank in front of _alternative keeps _arguments from adding what it would
# take for options of its own.
function alternative(k, w) {
	alternatives++
	one = action(k, w)
	all = all " \"" k "\\:" k "\\:" field(one) "\""
}

function operand_specification() {
	if (has_words != "")
		alternative("words", has_words)
	if ("interface" in has)
		alternative("interface")
	if ("file" in has)
		alternative("file")
	return quoted((operands ? "*" : "1") ":" field(operand) ":" (alternatives == 1 ? field(one) : " _alternative" all))
}

function emit(    i) {
	print ""
	print "_arguments -s -S : \\"
	for (i = 1; i <= n; i++)
		print "\t" specification(i) (i < n || operand != "" ? " \\" : "")
	if (operand != "")
		print "\t" operand_specification()
}
