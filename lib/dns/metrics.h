/* SPDX-License-Identifier: MPL-2.0 */
/* dns/metrics.h - the metrics of handler "dns".
 *
 * Version 1.0 counts messages, and the transactions that a response completes. Rules that a row cannot say:
 *  - Base events are all PV_EV_DNS, filtered ones too, but for messages of less than a header (reason
 *    PV_DNS_SHORT), which only the analyser's ledger counts. DNS_TIMEOUT is no base event.
 *  - A filtered message moves only the base metrics and `filtered`.
 *  - Facts of the header are counted for every message; those of names and types when the question was
 *    readable, whatever came behind it (a capture may have cut it).
 *  - The direction of a transaction is the response's: one that comes in means that the host asked ("out").
 *  - timed_out: queries that expired and responses that came after the TTL; not queries that were given up
 *    for room, whose fate nobody knows (the ledger has them). A transaction whose query was filtered does not
 *    exist here.
 *  - The root name is an item (the empty text) of top lists, but no distinct name.
 *  - top_slow: transactions at or above the 90th percentile of the period before, per direction. The
 *    percentile comes from a small histogram of the handler's own (3 %), so it works without group quantiles;
 *    a period without transactions leaves it as it was. Names are lower-case here too (the original
 *    mixes).
 *
 * Version 2.0 counts transactions, each once, when its reply comes, with the reply's time, stamp, code, question
 * and length and its query's client subnet, CD flag and length. What it shows stands below the direction of the
 * transaction: "in", the host is asked; "out", it asks; "unknown"; absent until the first reply or timeout there.
 * Rules beyond its rows:
 *  - The direction is the query's: a host of ours that asks another of ours is asked ("in"). The original
 *    looks for the query below the reply's direction and finds none: an orphan, and a query that times out.
 *  - A query moves nothing but the base metrics until its reply comes, or its time is over (timeout_queries).
 *    Every reply is one of: counted in xacts; an orphan; filtered. One that comes after the TTL is an orphan,
 *    whose query has timed out.
 *  - filtered_packets: messages that the filter rejects (dns/filter.h, by_transaction), the reply of a query that it
 *    rejected, and the query of a reply that it rejected: whatever is missing from xacts for its sake.
 *  - The suffix that names are cut at is the reply's or else the query's, since only_qname_suffix asks queries.
 *  - top_slow_xacts: as top_slow of 1.0, while group xact_times is on. */
#ifndef PV_DNS_METRICS_H
#define PV_DNS_METRICS_H

#include "metric/metric.h"

extern const struct pv_handler pv_dns_v1, pv_dns_v2;

#endif
