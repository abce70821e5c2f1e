# Every program has a page, every page is clean, every cross reference leads somewhere, --help and page agree.
cd "$TOP" || exit 1
for t in tools/*/; do
	t=$(basename "$t")
	page=$BUILD/man/$t.1
	if [ ! -s "$page" ]; then echo "not ok - $t has no man page"; continue; fi
	out=$(mandoc -T lint -W warning "$page" 2>&1)
	[ -z "$out" ] && echo "ok - $t(1) is clean" || echo "not ok - $t(1): $out"
	missing=$("$BIN/$t" --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | while read -r o; do
		mandoc -T ascii "$page" | col -b | grep -q -- "$o" || echo "$o"; done)
	[ -z "$missing" ] && echo "ok - $t(1) has every option" || echo "not ok - $t(1) lacks $missing"
done
for page in "$BUILD"/man/*.5; do
	out=$(mandoc -T lint -W warning "$page" 2>&1)
	[ -z "$out" ] && echo "ok - $(basename "$page") is clean" || echo "not ok - $(basename "$page"): $out"
done
grep -hoE '^\.Xr (pv-|pktvisor)[a-z-]+ [0-9]' "$BUILD"/man/* | sort -u | while read -r _ name section; do
	[ -e "$BUILD/man/$name.$section" ] || [ "$name" = pktvisor-pcap ] && echo "ok - $name($section) exists" || echo "not ok - $name($section) is referred to and does not exist"
done
