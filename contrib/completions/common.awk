# SPDX-License-Identifier: MPL-2.0
# What the completions of every shell need to know of a program. Reads contrib/completions/values, what contrib/build/words.c
# prints, and PROGRAM --help-rows; then calls head() and emit(), which the file of a shell has. These know:
#   tool, links[1..nlinks]            the program, its other names
#   n; letter[], name[], help[1..n]   options; "" for a letter or name that there is not
#   arg[], list[], many[]             name of the value, "" for none; it is a list with commas; the option may be repeated
#   kind[], words[]                   of the value: flag, free, file, dir, interface, or words and which
#   has[kind], has_words, operand     operands: 1 for each kind that may stand there, words, what the synopsis calls them
#   operands                          more than one may
function die(why) {
	print "completions: " tool ": " why > "/dev/stderr"
	bad = 1
	exit 1
}

# s with a backslash before each character of a set
function escaped(s, set,    i, c, out) {
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		out = out (index(set, c) ? "\\" : "") c
	}
	return out
}

# The row of values for an option or an argument; 0: there is none.
function row_of(what,    i) {
	for (i = 1; i <= nrows; i++)
		if (row_name[i] == what && (row_tool[i] == "*" || row_tool[i] == tool))
			return i
	return 0
}

# "overview @schema" with the words of the list
function expanded(s,    i, m, part, out) {
	m = split(s, part, " ")
	for (i = 1; i <= m; i++) {
		if (part[i] ~ /^@/) {
			if (!(substr(part[i], 2) in listed))
				die("there is no list " part[i])
			part[i] = substr(listed[substr(part[i], 2)], 2)
		}
		out = out (out == "" ? "" : " ") part[i]
	}
	if (out !~ /^[A-Za-z0-9_.:+ -]+$/)
		die("words that a shell could take for something else: " out)
	return out
}

function value(i,    r, what) {
	if (arg[i] == "") {
		kind[i] = "flag"
		return
	}
	list[i] = sub(/,\.\.\.$|\[,\.\.\.\]$/, "", arg[i])
	r = row_of("--" name[i])
	if (!r && !list[i])
		r = row_of(arg[i])
	what = r ? row_what[r] : "<free>"
	if (what ~ /^</)
		kind[i] = substr(what, 2, length(what) - 2)
	else {
		kind[i] = "words"
		words[i] = expanded(what)
	}
}

# What may stand in the synopsis between bars, but for options: INTERFACE, auto, FILE.
function synopsis(s,    i, m, part, r, what) {
	gsub(/\[options\]|, or .*|[<>] *[A-Z]+/, "", s)
	operands = s ~ /\.\.\./
	m = split(s, part, "|")
	for (i = 1; i <= m; i++) {
		gsub(/^[[ ]+|[] .]+$/, "", part[i])
		r = row_of(part[i])
		if (part[i] ~ /^[a-z]+$/)
			has_words = has_words (has_words == "" ? "" : " ") part[i]
		else if (r) {
			what = row_what[r]
			has[substr(what, 2, length(what) - 2)] = 1
			operand = operand (operand == "" ? "" : " or ") part[i]
		}
	}
}

BEGIN { FS = "\t" }
FNR == 1 { part++ }

part == 1 && /^[^#]/ {
	nrows++
	split($0, column, " ")
	row_tool[nrows] = column[1]
	row_name[nrows] = column[2]
	row_what[nrows] = $0
	sub(/^[^ ]+ +[^ ]+ +/, "", row_what[nrows])
}

part == 2 && !told[$0]++ { listed[$1] = listed[$1] " " $2 }

part == 3 && FNR == 1 {
	tool = $1
	if (NF != 3)
		die("not a head of --help-rows: " $0)
	synopsis($2)
	nlinks = split(other_names, links, " ")
}

part == 3 && FNR > 1 {
	if (NF != 5)
		die("not a row of --help-rows: " $0)
	n++
	letter[n] = $1 == "-" ? "" : $1
	name[n] = $2 == "-" ? "" : $2
	arg[n] = $3 == "-" ? "" : $3
	many[n] = $4 == "many"
	help[n] = $5
	known["--" $2] = 1
	value(n)
}

END {
	if (bad)
		exit 1
	for (i = 1; i <= nrows; i++)
		if (row_tool[i] == tool && !(row_name[i] in known))
			die("contrib/completions/values has a row for " row_name[i] ", which is no option")
	head()
	print "# Completion for " tool "(1). Made by contrib/build/completions from the program's own tables."
	emit()
}
