# Includes of lib/ go only to the same folder or to one above it in lib/LAYERS; tools and tests may include all of lib/.
cd "$TOP" || exit 1
awk 'NR == FNR { rank[$1] = NR; next }
	FNR == 1 { split(FILENAME, p, "/"); here = p[2]; if (!(here in rank)) { print "not ok - " here " is not in lib/LAYERS"; bad = 1; rank[here] = 0 } }
	/^#include "/ { split($2, q, /["\/]/); to = q[2]
		if (!(to in rank)) { print "not ok - " FILENAME " includes " $2 ", which is in no layer"; bad = 1 }
		else if (rank[to] > rank[here]) { print "not ok - " FILENAME " includes upwards: " $2; bad = 1 } }
	END { if (!bad) print "ok - every include goes down the layers" }' lib/LAYERS lib/*/*.[ch]
