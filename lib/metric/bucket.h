/* SPDX-License-Identifier: MPL-2.0 */
/* metric/bucket.h - the metrics of one handler over one period.
 *
 * A bucket is a tree of blocks: block 0 holds the handler's own metrics (scope 0), further blocks
 * one label value each (direction "in", a device, ...). A block has one cell per metric of its
 * table; cells of other scopes and of groups that are off stay unused.
 *
 * Updates (pv_count ... pv_rate_add) cost no lock and no allocation once a sketch exists; a sketch
 * is made when first used. Updates to a disabled metric do nothing.
 * Ownership: a bucket owns its sketches. Threads: one; a closed bucket is read-only and may be
 * shared: pv_bucket_ref() makes one owner more, pv_bucket_free() one less. Limits: sketches bound themselves, blocks are bounded by their scope's max. */
#ifndef PV_METRIC_BUCKET_H
#define PV_METRIC_BUCKET_H

#include <stdatomic.h>

#include "metric/metric.h"
#include "sketch/exphist.h"
#include "sketch/gauge.h"
#include "sketch/histogram.h"
#include "sketch/hll.h"
#include "sketch/rate.h"
#include "sketch/tally.h"
#include "sketch/topn.h"

union pv_cell {
	uint64_t count; /* of PV_MINIMUM and PV_MAXIMUM: the sample and 1, 0 where there is none */
	struct pv_hll *distinct;
	struct pv_topn *topn;
	struct pv_exphist *quantiles;
	struct pv_histogram *histogram;
	struct pv_rate *rate;
	struct pv_gauge *gauge;
	struct pv_tally *tally;
};

struct pv_block {
	struct pv_bucket *bucket;
	uint32_t parent; /* index in bucket->blocks */
	uint8_t scope;
	char *key;       /* label value, owned; NULL for block 0 */
	uint32_t *children; /* per scope: blocks whose parent this is; behind the cells */
	uint64_t hash;     /* of (parent, scope, key) */
	union pv_cell cells[]; /* nmetrics */
};

struct pv_bucket_conf {
	uint32_t groups;  /* bit per group that is on */
	uint16_t topn;    /* rows of each top-N list, default 10 */
	uint8_t topn_percentile; /* 0..100, default 0 */
	uint64_t seed;    /* of the in-memory hash tables */
	const char *sort; /* column of tallies, or its rate, that chooses and orders rows; PV_SORT_NAME: the heaviest, by key.
			   * NULL, or one that a tally has not: its first column. Borrowed. */
};

#define PV_SORT_NAME "name"

#define PV_BLOCK_KEY 255   /* bytes of a label value; longer ones are cut: a name on the wire has no more */
#define PV_BUCKET_NAME 128 /* policy, tap and handler names together; longer ones are cut */

struct pv_bucket {
	const struct pv_handler *handler;
	struct pv_bucket_conf conf;
	uint64_t start_ns, end_ns;
	uint64_t stream_id;
	char name[PV_BUCKET_NAME]; /* of the handler instance, "dns" */
	bool recorded, hosts, closed;
	uint8_t *enabled;   /* per metric */
	struct pv_block **blocks; /* a parent stands before its children */
	uint32_t nblocks, cap_blocks;
	uint32_t *index; /* of blocks by hash, open addressing, twice cap_blocks places; 0 is free, else block + 1 */
	uint64_t now_sec;   /* second that rates count into */
	uint64_t lost;      /* updates that found no memory */
	uint64_t folded;    /* keys that went to "other" */
	bool full;          /* no new keys: there is no room for more blocks */
	atomic_uint others; /* owners besides the first */
};

struct pv_bucket *pv_bucket_new(const struct pv_handler *, const struct pv_bucket_conf *); /* NULL: ENOMEM */
void pv_bucket_free(struct pv_bucket *); /* the last owner's frees it */
struct pv_bucket *pv_bucket_ref(struct pv_bucket *); /* the same bucket, which nobody changes from now on */
bool pv_bucket_shared(const struct pv_bucket *); /* false: it is the caller's alone */
struct pv_bucket *pv_bucket_copy(const struct pv_bucket *); /* one that may be changed. NULL: ENOMEM */
size_t pv_bucket_memory(const struct pv_bucket *); /* bytes, roughly */
uint64_t pv_bucket_lost(const struct pv_bucket *); /* updates and weight that found no room or memory */
bool pv_bucket_shown(const struct pv_bucket *); /* false when every group it could show is off */

/* Add src to dst (same handler). start: the earlier, end: the later. 0, or -1 ENOMEM. */
int pv_bucket_merge(struct pv_bucket *dst, const struct pv_bucket *src);

/* Keep at most `items` of each top-N table and tally; for closed buckets. */
void pv_bucket_trim(struct pv_bucket *, size_t items);

/* What is known by more than the first `keep` blocks goes into "other" of its parent, and new keys do from now on. It
 * makes every struct pv_block * out of date. Not for shared buckets. */
void pv_bucket_fold(struct pv_bucket *, uint32_t keep);

/* Brings an open bucket below a number of bytes: no new keys, smaller top-N tables, then fewer blocks. True: blocks
 * moved, as with pv_bucket_fold(). */
bool pv_bucket_fit(struct pv_bucket *, size_t bytes);

/* Does a handler have blocks in numbers that others choose (devices, interfaces)? */
bool pv_handler_wide(const struct pv_handler *);

/* The block of a label value below `parent`, made when missing; "other" when the scope or the bucket is full. Not NULL:
 * without memory it is the parent itself, and `lost` moves. */
struct pv_block *pv_bucket_block(struct pv_bucket *, struct pv_block *parent, uint8_t scope, const char *key);

static inline struct pv_block *pv_bucket_root(struct pv_bucket *b)
{
	return b->blocks[0];
}

/* ---- updates: m is the metric's index in its table ---------------------------------------------- */

static inline bool pv_on(const struct pv_block *k, unsigned m)
{
	return k->bucket->enabled[m];
}

static inline void pv_count(struct pv_block *k, unsigned m, uint64_t n)
{
	k->cells[m].count += n;
}

/* Makes the sketch of a cell; NULL when there is no memory (counted). */
void *pv_cell_make(struct pv_block *, unsigned m);

#define PV_CELL(k, m, field) ((k)->cells[m].field ? (k)->cells[m].field : pv_cell_make((k), (m)))

/* Samples of UINT64_MAX count as one less. */
static inline void pv_minimum(struct pv_block *k, unsigned m, uint64_t v)
{
	uint64_t *at = &k->cells[m].count, with = v < UINT64_MAX ? v + 1 : v;
	if (pv_on(k, m) && (!*at || with < *at))
		*at = with;
}

static inline void pv_maximum(struct pv_block *k, unsigned m, uint64_t v)
{
	uint64_t *at = &k->cells[m].count, with = v < UINT64_MAX ? v + 1 : v;
	if (pv_on(k, m) && with > *at)
		*at = with;
}

static inline void pv_distinct_bytes(struct pv_block *k, unsigned m, const void *p, size_t n)
{
	if (!pv_on(k, m))
		return;
	struct pv_hll *h = PV_CELL(k, m, distinct);
	if (h)
		pv_hll_add(h, p, n);
}

static inline void pv_distinct_u64(struct pv_block *k, unsigned m, uint64_t v)
{
	if (!pv_on(k, m))
		return;
	struct pv_hll *h = PV_CELL(k, m, distinct);
	if (h)
		pv_hll_add_u64(h, v);
}

static inline void pv_top_bytes(struct pv_block *k, unsigned m, const void *p, size_t n, uint64_t weight)
{
	if (!pv_on(k, m))
		return;
	struct pv_topn *t = PV_CELL(k, m, topn);
	if (t)
		pv_topn_add(t, p, n, weight);
}

/* With a hint of sketch/topn.h. */
static inline void pv_top_hint(struct pv_block *k, unsigned m, uint32_t *hint, const void *p, size_t n, uint64_t weight)
{
	if (!pv_on(k, m))
		return;
	struct pv_topn *t = PV_CELL(k, m, topn);
	if (t)
		pv_topn_add_hint(t, hint, p, n, weight);
}

static inline void pv_top_u64(struct pv_block *k, unsigned m, uint64_t v, uint64_t weight)
{
	if (!pv_on(k, m))
		return;
	struct pv_topn *t = PV_CELL(k, m, topn);
	if (t)
		pv_topn_add_u64(t, v, weight);
}

/* One more of the text behind a DEFINE number; nothing where that is 0 (no database), or was never defined. */
void pv_top_defined(struct pv_block *, unsigned m, const struct pv_handler_ctx *, uint8_t stage, enum pv_define_kind,
		    uint32_t number);

static inline void pv_quantile_u64(struct pv_block *k, unsigned m, uint64_t v)
{
	if (!pv_on(k, m))
		return;
	struct pv_exphist *h = PV_CELL(k, m, quantiles);
	if (h)
		pv_exphist_add_u64(h, v);
}

static inline void pv_quantile_real(struct pv_block *k, unsigned m, double v)
{
	if (!pv_on(k, m))
		return;
	struct pv_exphist *h = PV_CELL(k, m, quantiles);
	if (h)
		pv_exphist_add_double(h, v);
}

static inline void pv_histogram_u64(struct pv_block *k, unsigned m, uint64_t v)
{
	if (!pv_on(k, m))
		return;
	struct pv_histogram *h = PV_CELL(k, m, histogram);
	if (h)
		pv_histogram_add(h, v);
}

/* One per column. */
static inline void pv_tally(struct pv_block *k, unsigned m, const void *key, size_t n, const uint64_t *sums)
{
	if (!pv_on(k, m))
		return;
	struct pv_tally *t = PV_CELL(k, m, tally);
	if (t)
		pv_tally_add(t, key, n, sums);
}

/* n more in the second of the current event. */
static inline void pv_rate_events(struct pv_block *k, unsigned m, uint64_t n)
{
	if (!pv_on(k, m))
		return;
	struct pv_rate *r = PV_CELL(k, m, rate);
	if (r)
		pv_rate_count(r, k->bucket->now_sec, n);
}

/* The level is v, says the bucket's stream at that time. */
static inline void pv_gauge_set(struct pv_block *k, unsigned m, uint64_t time_ns, uint64_t v)
{
	if (!pv_on(k, m))
		return;
	struct pv_gauge *g = PV_CELL(k, m, gauge);
	if (g)
		pv_gauge_put(g, k->bucket->stream_id, time_ns, v);
}

/* ---- states as bytes (the METRIC event) ------------------------------------------------------- */

/* Bytes of a cell's state; 0 when it has none yet. */
size_t pv_cell_size(const struct pv_metric *, const union pv_cell *);
/* Writes it, cap >= pv_cell_size(). Returns bytes written, 0 without memory. */
size_t pv_cell_write(const struct pv_metric *, const union pv_cell *, uint8_t *buf, size_t cap);
/* Untrusted bytes into an empty cell. 0, or -1 with errno EINVAL or ENOMEM. */
int pv_cell_read(const struct pv_metric *, union pv_cell *, const uint8_t *p, size_t n, uint64_t seed);
/* Bytes of heap a cell holds. */
size_t pv_cell_memory(const struct pv_metric *, const union pv_cell *);
/* The same of a block without its cells' sketches. */
size_t pv_block_memory(const struct pv_handler *);

/* ---- reading ------------------------------------------------------------------------------------ */

/* Every enabled cell: blocks in order of creation, metrics in table order. Stops at the first answer that is not 0
 * and returns it. */
typedef int pv_visit_fn(void *ctx, const struct pv_bucket *, const struct pv_block *, const struct pv_metric *,
			const union pv_cell *);
int pv_bucket_visit(const struct pv_bucket *, pv_visit_fn *, void *ctx);

/* Rows of a top-N cell as they are shown: conf.topn of them, those below the percentile left out. rows: conf.topn
 * places. Returns how many. */
size_t pv_bucket_rows(const struct pv_bucket *, const union pv_cell *, struct pv_topn_row *rows);

/* The column of a tally that conf.sort asks for, or PV_TALLY_BY_KEY. */
int pv_bucket_sort(const struct pv_bucket *, const struct pv_metric *);

/* The same of a tally, in that order. rest: the sums of all that is in none of these rows; false:
 * nothing is. */
size_t pv_bucket_tally_rows(const struct pv_bucket *, const struct pv_metric *, const union pv_cell *,
			    const struct pv_tally_row **rows, uint64_t rest[PV_TALLY_COLUMNS], bool *any_rest);

/* What the rates of tallies are per: the length of the period, but not less than a second. */
double pv_bucket_length(const struct pv_bucket *);

/* The seconds a rate's quantiles are over, both included. The second in which a period ends belongs to the next one, but for
 * what ended with its stream and counted there; a live period's last second is not over yet. */
void pv_bucket_seconds(const struct pv_bucket *, const struct pv_rate *, uint64_t *first_sec, uint64_t *last_sec);

/* The four quantiles every summary shows. */
extern const double pv_quantiles[4];          /* 0.5 0.9 0.95 0.99 */
extern const char *const pv_quantile_keys[4]; /* "p50" ... */

#endif
