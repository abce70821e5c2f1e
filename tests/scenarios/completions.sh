# SPDX-License-Identifier: MPL-2.0
# Completions in the shells themselves: every option of every program, the values that are known, and nothing for free text.
. "$TESTS/lib/sh.sh"

made=$BUILD/completions
HOME=$PWD; export HOME
mkdir -p user here/folder
ln -s "$made/bash" user/completions
touch here/file.pcap
names=$(cd "$made/bash" && echo *)
is "there is one for every program, by each of its names" "$names" \
	"$({ ls "$TOP/tools"; echo pktvisor; echo pktvisor-pcap; } | sort | xargs)"

one_each() { tr ' ' '\n' | grep .; }

# What is asked, and what all shells must offer: of a list the last item; interfaces are those of this machine.
interfaces=$(cd /sys/class/net && echo *)
cat >cases <<END
pv-dns --only-r	--only-rcode --only-responses
pv-dns --only-rcode NX	NXDOMAIN NXRRSET
pv-dns --only-rcode=NX	NXDOMAIN NXRRSET
pv-dns --only-rcode NXDOMAIN,N	NOERROR NOTAUTH NOTIMP NOTZONE NXRRSET
pv-dns --only-rcode=SRVFAIL,NX	NXDOMAIN NXRRSET
pv-dns --only-qtype AA	AAAA
pv-dns --only-qtype NS,AA	AAAA
pv-dns --only-xact-directions 	in out unknown
pv-dns --dnstap-msg-type 	auth client forwarder resolver stub tool update
pv-dns --require-version 	1.0 2.0
pv-dns --only-qname 	
pv-dns --only-qname=	
pv-dns --xact-ttl-ms 	
pv-dns --geo-city 	file.pcap folder
pv-dns --geo-city=fi	file.pcap
pv-dns -- -	
pv-window --modules dns:	1.0 2.0
pv-window --modules net:2.0,dhcp:	1.0
pv-window --enable top_qn	top_qnames top_qnames_details
pv-window --disable counters,top_qn	top_qnames top_qnames_details
pv-window --sort pa	packets packets_ab packets_ba
pv-window --module-dir 	folder
pv-window --topn 	
pv-capture 	$(echo "$interfaces auto any" | one_each | sort | xargs)
pv-capture l	lo
pv-capture -r 	file.pcap folder
pv-capture -vr fi	file.pcap
pv-capture -H 	
pv-capture -vb 	
pv-capture --decap gre,	ipip vxlan
pv-cat 	file.pcap folder
pv-cat -t dns	dns dns_timeout dnstap
pv-cat file.pcap fi	file.pcap
pv-flow --type 	any ipfix netflow sflow
pv-flow --only-directions in,	out
pv-flow --device-map fi	file.pcap
pv-dnstap --socket fi	file.pcap
pv-serve --input 	
pktvisor-reader -i 	dnstap ipfix netflow pcap sflow
pktvisor-pcap --input s	sflow
pktvisord 	$(echo "$interfaces file.pcap folder" | one_each | sort | xargs)
pktvisord --data-dir 	folder
pktvisord --config fi	file.pcap
pktvisor --view f	flow
pktvisor-cli --host 	
END
cut -f 1 cases >lines
for name in $names; do printf '%s -\n%s --\n' "$name" "$name"; done >>lines

# ask SHELL: asks what the file lines has, in the folder here
ask() {
	cd here || return
	case $1 in
	bash) BASH_COMPLETION_USER_DIR=$HOME/user timeout 60 bash --norc "$TESTS/lib/complete.bash" <../lines >../bash.got 2>../bash.err ;;
	zsh)
		cp "$TESTS/lib/complete.zsh" ../.zshrc
		COMPLETIONS=$made/zsh ASKED=$HOME/lines FOUND=$HOME/zsh.got COMPLAINTS=$HOME/zsh.err ZDOTDIR=$HOME TERM=dumb \
			timeout 60 script -qec 'zsh -d -i' /dev/null </dev/null >/dev/null
		;;
	fish) timeout 60 fish --no-config "$TESTS/lib/complete.fish" "$made/fish" <../lines >../fish.got 2>../fish.err ;;
	esac
}

# Lines of words become lines of words in order: no / behind folders, of a list its last item, of a handler what is behind the colon.
in_order() {
	awk -F '\t' '{ n = split($2, word, " "); for (i = 1; i <= n; i++) { sub(/.*[,=:]/, "", word[i]); sub(/\/$/, "", word[i]); print NR "\t" word[i] } }' |
		sort -t '	' -k 1,1n -k 2,2 -u | awk -F '\t' '{ words[$1] = words[$1] (words[$1] == "" ? "" : " ") $2 } END { for (i = 1; i <= n; i++) print words[i] }' n="$1"
}

for name in $names; do
	"$name" --help | sed -nE 's/^  (-.|  )(, |  )?(--[a-z0-9-]+)?.*/\1 \3/p' | one_each | sort | sed "s/^/$name /"
done >options.want
cut -f 2 cases | sed 's/^$/nothing/' >cases.want
for shell in bash zsh fish; do
	if ! command -v $shell >/dev/null || { [ $shell = bash ] && [ ! -e /usr/share/bash-completion/bash_completion ]; }; then
		skip "$shell is not here"
		continue
	fi
	(ask $shell)
	is "$shell: it has no complaints" "$(head -n 3 $shell.err)" ""
	tail -n +$(($(wc -l <cases) + 1)) $shell.got | awk -F '\t' '{ sub(/ .*/, "", $1); n = split($2, word, " "); for (i = 1; i <= n; i++) print $1, word[i] }' |
		LC_ALL=C sort -u >options.got
	diff <(sort -u options.want) options.got && ok "$shell: every option of every program's --help, and no other" ||
		not_ok "$shell: every option of every program's --help, and no other"
	head -n "$(wc -l <cases)" $shell.got | in_order "$(wc -l <cases)" | sed 's/^$/nothing/' >cases.got
	diff <(paste lines cases.want | head -n "$(wc -l <cases)") <(paste lines cases.got | head -n "$(wc -l <cases)") &&
		ok "$shell: values where they are known, files, folders and interfaces, and nothing for free text" ||
		not_ok "$shell: values where they are known, files, folders and interfaces, and nothing for free text"
	[ $shell = bash ] || like "$shell: it says what an option is for" "$(grep '^pv-dns --only-r	' $shell.got)" "keep replies only"
done

# What is offered the programs take, and what they say there is, is offered.
# offered PROGRAM OPTION: the words
offered() { sed -nE "s/^\t\t$2(\|[^ ]*)?\) _[a-z_]+_(list|words) '(.*)'; return ;;/\3/p" "$made/bash/$1"; }
# taken PROGRAM OPTION: each word
taken() {
	local word words bad=
	words=$(offered "$1" "$2")
	for word in $words; do
		"$1" "$2" "$word" </dev/null >out 2>err
		[ $? -ne 2 ] || bad="$bad $word: $(head -n 1 err)"
	done
	is "$1 $2: all that is offered is taken" "${words:+some}$bad" some
}
# joined PROGRAM OPTION: all of them as one list
joined() { status 3 "$1 $2: all that is offered is taken, as a list" "$1" "$2" "$(offered "$1" "$2" | tr ' ' ,)" </dev/null; }
# all_of PROGRAM OPTION ARGUMENT...: the words of its error text
all_of() {
	"$1" "$2" nosuch "${@:3}" </dev/null >out 2>err
	is "$1 $2: all that there is, is offered" "$(sed -n '1s/.*: //p' err | tr -d , | one_each | sort | xargs)" \
		"$(offered "$1" "$2" | one_each | sort | xargs)"
}

joined pv-cat --type
joined pv-dns --only-rcode
joined pv-dns --only-qtype
joined pv-dns --only-xact-directions
joined pv-flow --only-directions
joined pv-window --enable
joined pv-window --disable
taken pv-window --modules
taken pv-window --sort
all_of pktvisor-reader --input file
all_of pv-capture --decap --mock
all_of pv-dns --dnstap-msg-type
all_of pv-dns --require-version
all_of pv-flow --type
all_of pv-window --enable
