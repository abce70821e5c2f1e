# SPDX-License-Identifier: MPL-2.0
# `make install`: every file is where a package wants it, and no other.
. "$TESTS/lib/sh.sh"

case $BUILD in
*asan* | *tsan*) skip "what is installed: not with a sanitizer"; exit 0 ;;
esac
# installed PREFIX FOLDER: installs below a folder
installed() { make -s -C "$TOP" install PREFIX="$1" DESTDIR="$PWD/$2" >log 2>&1; }
installed /usr root; got=$?
[ $got -eq 0 ] || cat log
is "make install works" "$got" 0

{
	for t in "$TOP"/tools/*/; do echo "bin/$(basename "$t")"; done
	for n in pktvisor pktvisor-pcap; do echo bin/$n; echo share/man/man1/$n.1; done
	for n in $(ls "$TOP/tools") pktvisor pktvisor-pcap; do
		echo "share/bash-completion/completions/$n"
		echo "share/fish/vendor_completions.d/$n.fish"
	done
	for t in "$TOP"/tools/*/; do echo "share/zsh/site-functions/_$(basename "$t")"; done
	for m in "$TOP"/man/*.in; do m=$(basename "$m" .in); echo "share/man/man${m##*.}/$m"; done
	for u in "$TOP"/contrib/systemd/*.service; do echo "lib/systemd/system/$(basename "$u")"; done
	for e in "$TOP"/contrib/module-example/* "$TOP/contrib/systemd/pktvisord.yaml"; do echo "share/doc/pv/examples/$(basename "$e")"; done
	echo share/doc/pv/README.md
	echo share/doc/pv/LICENSE
	# the headers of an example, by the compiler's own account
	for c in "$TOP"/contrib/module-example/*.c; do gcc -MM -I"$TOP/lib" "$c"; done | tr ' ' '\n' | sed -n "s|^$TOP/lib/|include/pv/|p"
} | sort -u >want
(cd root/usr && find . -type f -o -type l) | sed 's|^\./||' | sort >got
same "programs, pages, completions, headers, units, examples: all there, and nothing else" got want
is "nothing lies outside of the prefix" "$(find root -mindepth 1 -maxdepth 1 -printf '%f ')" "usr "
is "programs are executable, files are not" \
	"$(find root -type f -path '*/bin/*' ! -perm 755 -o -type f ! -path '*/bin/*' ! -perm 644 | head -n 3)" ""
like "they run" "$(root/usr/bin/pktvisord --version)" "^pktvisor [0-9]"
is "by their other names, too" "$(root/usr/bin/pktvisor-pcap --modules net "$CAPTURES/dns-udp4.pcap" 2>/dev/null | md5sum)" \
	"$(pktvisor-reader --modules net "$CAPTURES/dns-udp4.pcap" 2>/dev/null | md5sum)"
is "no page has a mark that was not filled in" "$(grep -l '@[A-Z]*[:@]' root/usr/share/man/man?/* | head -n 3)" ""
status 0 "the example of a configuration is right" pktvisord --check --config root/usr/share/doc/pv/examples/pktvisord.yaml

installed /opt/pv elsewhere
is "with another prefix the same is there" "$( (cd elsewhere/opt/pv && find . -type f -o -type l) | sed 's|^\./||' | sort | diff - want)" ""
is "and units start what lies there" "$(grep -hoE '^ExecStart=[^ ]*' elsewhere/opt/pv/lib/systemd/system/*.service | sort | paste -sd' ')" \
	"ExecStart=/opt/pv/bin/pktvisord ExecStart=/opt/pv/bin/pv-serve"
command -v systemd-analyze >/dev/null || { skip "no systemd-analyze"; exit 0; }
for unit in root/usr/lib/systemd/system/*.service; do
	sed "s|/usr/bin/|$PWD/root/usr/bin/|" "$unit" >"${unit##*/}"
	systemd-analyze verify --man=no "./${unit##*/}" >out 2>&1; got=$?
	[ ! -s out ] || cat out
	is "${unit##*/}: systemd-analyze verify has nothing to say of what was installed" "$got$(cat out)" 0
done
