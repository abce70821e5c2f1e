/* SPDX-License-Identifier: MPL-2.0 */
/* dns/slow.h - which transactions are slow: at or above the 90th percentile of the period before.
 *
 * A histogram of its own, 32 bins to the octave (3 %), so that it works whatever groups of metrics are on, and is
 * no more than 4 KiB. A period without transactions leaves the threshold as it was; before the first full one
 * nothing is slow.
 * Ownership: plain memory, zeroed is empty. Threads: one. */
#ifndef PV_DNS_SLOW_H
#define PV_DNS_SLOW_H

#include <stdbool.h>
#include <stdint.h>

#define PV_DNS_TIMES_SUB_BITS 5
#define PV_DNS_TIMES_TOP_BIT  36 /* 2^37 us are 38 hours; longer times count as that */
#define PV_DNS_TIMES_BINS     ((1u << PV_DNS_TIMES_SUB_BITS) * (PV_DNS_TIMES_TOP_BIT - PV_DNS_TIMES_SUB_BITS + 2))

struct pv_dns_times {
	uint64_t count;
	uint64_t slow_us; /* 0: not known yet */
	uint32_t bins[PV_DNS_TIMES_BINS];
};

void pv_dns_times_add(struct pv_dns_times *, uint64_t us);
void pv_dns_times_shift(struct pv_dns_times *); /* the period is over */

static inline bool pv_dns_times_slow(const struct pv_dns_times *t, uint64_t us)
{
	return t->slow_us && us >= t->slow_us;
}

#endif
