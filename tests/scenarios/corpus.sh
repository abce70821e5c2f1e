# SPDX-License-Identifier: MPL-2.0
# Other projects' captures, many of them hostile, where they lie beside the project: no program ends by a signal or with a sanitizer's
# finding, reader and pipeline agree, and there are as many packets as tcpdump reads (up to where it gives up).
# Long: thousands of processes.
. "$TESTS/lib/sh.sh"

[ -d "$SHARED/corpus" ] || { skip "there is no corpus beside the project"; exit 0; }

# packets_of FILE: what libpcap reads by tcpdump's account, '-' when it does not even open the file
packets_of() {
	tcpdump -r "$1" -w - 2>/dev/null >dump
	if [ -s dump ]; then tcpdump --count -r dump 2>/dev/null | awk '/packets?$/ { print $1 }'; else echo -; fi
}

# one FILE: prints what is wrong
one() {
	local f=$1 want got reader counted s status
	want=$(packets_of "$f")
	pv-capture -r "$f" >packets.pve 2>err; status=$?
	case $status in 0 | 1) ;; *) echo "pv-capture ends with $status"; tail -n 30 err ;; esac
	counted=$(pv-cat --count packets.pve 2>/dev/null | awk '$1 == "packet" { print $2 }')
	if [ -s packets.pve ]; then
		[ "$want" = - ] || [ "$want" = "${counted:-0}" ] || echo "tcpdump reads $want packets, pv-capture ${counted:-0}"
	elif [ "$want" != - ] && ! grep -q 'cannot decode link type' err; then
		echo "tcpdump reads $want packets, pv-capture: $(cat err)"
	fi
	pktvisor-reader --enable all --modules net,dns,dhcp,pcap,bgp "$f" >want.json 2>err; reader=$?
	[ $reader -eq $status ] || { echo "the reader ends with $reader, pv-capture with $status"; tail -n 30 err; }
	[ -s packets.pve ] || return
	pv-net <packets.pve 2>err | pv-dns --public-suffix-list 2>>err | pv-dhcp 2>>err |
		pv-window --json --enable all >got.json 2>>err
	got=${PIPESTATUS[*]}
	[ "$got" = "0 0 0 0" ] || { echo "the pipeline ends with $got"; tail -n 30 err; }
	pv-net <packets.pve 2>err | pv-dns 2>>err | pv-dhcp 2>>err | pv-bgp --only 2>>err | tee all.pve |
		pv-window --json --enable all --modules net,dns,dhcp,pcap,bgp >got.json 2>>err
	cmp -s got.json want.json || { echo "reader and pipeline differ"; diff <(jq -S . got.json) <(jq -S . want.json) | head -n 10; }
	pv-capture -r "$f" --decap gre,ipip,vxlan 2>err | pv-net | pv-dns --only-qname-suffix com --chain 2>>err |
		pv-dhcp 2>>err | pv-cat --check 2>>err
	for s in "${PIPESTATUS[@]:1}"; do [ "$s" -eq 0 ] || { echo "the chain ends with $s"; tail -n 30 err; }; done
}

n=0
while read -r f; do
	n=$((n + 1))
	bad=$(one "$f")
	is "${f#"$SHARED/corpus/"}" "$bad" ""
done < <(find "$SHARED/corpus" -type f ! -name INDEX.tsv ! -name README.md | sort)

# exports and dnstap, as what they are, and as what they are not
as() { # FILE INPUT
	local status
	pktvisor-reader -i "$2" --enable all "${GEO[@]}" "$1" >got.json 2>err; status=$?
	case $status in 0 | 1) ;; *) echo "-i $2 ends with $status"; tail -n 30 err ;; esac
	[ $status -ne 0 ] || jq -e . got.json >/dev/null || echo "-i $2 prints no JSON"
}
of_kind() { awk -F'\t' -v kind="$1" 'NR > 1 && $11 ~ kind { print $1 }' "$SHARED/corpus/INDEX.tsv"; }
while read -r f; do is "flow: $f" "$(as "$SHARED/corpus/$f" sflow; as "$SHARED/corpus/$f" netflow)" ""; done < <(of_kind 'netflow|sflow')
while read -r f; do is "dnstap: $f" "$(as "$SHARED/corpus/$f" dnstap)" ""; done < <(of_kind dnstap)
if [ $n -ge 500 ]; then ok "the corpus is whole"; else not_ok "the corpus is whole: $n files"; fi
