/* SPDX-License-Identifier: MPL-2.0 */
/* metric/wire.h - buckets as events: BUCKET (or LIVE), BLOCK and METRIC events, BUCKET_END. */
#ifndef PV_METRIC_WIRE_H
#define PV_METRIC_WIRE_H

#include "metric/bucket.h"
#include "stage/out.h"

/* Write a bucket. live: as LIVE, which the next LIVE or BUCKET of the same stream, handler and start replaces.
 * 0, or -1 with errno ENOMEM (then what was written is a whole bucket without the metrics that failed). */
int pv_bucket_emit(struct pv_out *, const struct pv_bucket *, bool live, uint64_t time_ns);

/* What one bucket may hold: more than any that our windows keep within their budget. */
#define PV_BUCKET_READ_MAX (64u << 20)

/* Puts buckets together again. The events have passed event/check.h; their contents are still not trusted. */
struct pv_bucket_reader {
	const struct pv_handler *const *handlers; /* NULL-terminated: what we know */
	uint64_t seed;
	struct pv_bucket *bucket; /* being read, NULL between buckets or when skipping one */
	bool open, live;
	bool skip;                /* to its end: of a handler we do not know, or damaged */
	uint32_t blocks, metrics; /* that came */
	uint32_t blocks_said, metrics_said;
	size_t bytes;             /* held by the bucket */
	uint8_t *state;           /* of a metric in parts */
	size_t state_len, state_cap, state_total;
	uint32_t part_block;
	uint16_t part_id;
	uint64_t unknown; /* buckets of handlers, metrics of ids that we do not know */
};

/* One event. PV_OK: go on. PV_END: *bucket is complete and now the caller's, *live tells its kind. PV_BAD: *problem
 * says what is wrong with it; the rest of that bucket is skipped. PV_FAIL: no memory, likewise. Events of other types
 * are ignored between buckets, and damage within one. */
enum pv_res pv_bucket_read(struct pv_bucket_reader *, const struct pv_event *, struct pv_bucket **bucket, bool *live,
			   const char **problem);
void pv_bucket_reader_free(struct pv_bucket_reader *);

#endif
