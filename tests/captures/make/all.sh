#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
#
# all.sh [OUTDIR] - makes every capture anew (about five minutes), then the lists of what is in them.
#
# New captures have new ports, times and query ids; tests may rely on FACTS.tsv and EXPECTED.tsv only, which are made
# together with them.
set -e
cd "$(dirname "$0")"
OUT=$(realpath "${1:-..}")
export PV_CAPTURES=$OUT
./dns.sh "$OUT"
./dns-each.sh "$OUT"
./dns-mixed.sh "$OUT"
./dns-special.sh "$OUT"
./dns-timeout.sh "$OUT"
./dnstap.sh "$OUT"
./dhcp.sh "$OUT"
./dhcp-relay.sh "$OUT"
./bgp.sh "$OUT"
./net.sh "$OUT"
./flow.sh "$OUT"
./gen-names.py
./gen-tcp.py
./gen-link.py
./gen-hostile.py
mkdir -p "$OUT/geo"
../geo/make_mmdb.py "$OUT/geo"
./facts.py "$OUT"
