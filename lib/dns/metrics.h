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
 *    mixes). */
#ifndef PV_DNS_METRICS_H
#define PV_DNS_METRICS_H

#include "metric/metric.h"

extern const struct pv_handler pv_dns_v1;

#endif
