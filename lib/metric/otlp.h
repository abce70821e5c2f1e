/* SPDX-License-Identifier: MPL-2.0 */
/* metric/otlp.h - buckets of many policies as one request of OTLP, the OpenTelemetry protocol: the protobuf message
 * ExportMetricsServiceRequest (opentelemetry-proto 1, collector/metrics/v1).
 *
 *     struct pv_otlp *o = pv_otlp_new(&conf);
 *     pv_otlp_scope(o, policy);                           for every policy,
 *     pv_otlp_bucket(o, bucket, labels, n, now, how);         and in it every bucket
 *     uint8_t *bytes = pv_otlp_bytes(o, &len);            then pv_otlp_free(o)
 *
 * One resource, with the attributes service.name, service.version and service.instance.id. A scope per policy,
 * `pktvisor/<policy>`, with the attribute policy_name. In it a metric per name and type, with the points of metric/points.h:
 *
 *   value        Gauge of integers. Rows of lists whose item is empty are left out: an attribute without a value is none
 *   summary      Summary: four quantiles, the true sum and count
 *   histogram    Histogram: how many are in each bin between pv_point_bounds (one more than there are bounds), sum, count
 *
 * Names and attributes are those of Prometheus' series, and all attributes are texts; units are UCUM's ("By", "us", and
 * "{packets}", which counts things). A point's time is the bucket's end, or now where that is still to come; its start is the
 * bucket's.
 *
 * Histograms of OTLP say what they are the sum of. A closed bucket's is a delta, and a receiver adds deltas up: give it
 * once. What is still open must not be a delta, since the same would come again; enum pv_otlp_histograms.
 *
 * Whatever is given, the request is valid: a point whose series is there already, or whose metric has another type, is
 * left out and counted, and so is what goes beyond the limit. Texts become valid UTF-8, or a receiver would refuse all.
 *
 * The bytes are written directly: protobuf-c would want a tree of some ten allocations per point, and what there is to
 * write are three kinds of field.
 *
 * Ownership: nothing that is given is kept. Threads: one per object; buckets are only read. Errors: no memory is
 * remembered, so it is enough to look at what pv_otlp_bytes() returns. */
#ifndef PV_METRIC_OTLP_H
#define PV_METRIC_OTLP_H

#include "metric/points.h"

/* Of a request, not compressed. The OpenTelemetry collector takes 20 MiB; this is room for hundreds of policies. */
#define PV_OTLP_BYTES (16u << 20)

#define PV_OTLP_TEXT 255 /* bytes of a policy's name, of what the resource says, of help and unit; longer ones are cut */

struct pv_otlp_conf {
	const char *service, *version, *instance; /* of the resource; NULL: left out */
	uint64_t seed;				  /* of the in-memory hash table */
	size_t max_bytes;			  /* 0: PV_OTLP_BYTES */
};

struct pv_otlp;

struct pv_otlp *pv_otlp_new(const struct pv_otlp_conf *); /* NULL: ENOMEM */
void pv_otlp_free(struct pv_otlp *);			      /* NULL is fine */

/* What follows is of this policy. Each once. */
void pv_otlp_scope(struct pv_otlp *, const char *policy);

enum pv_otlp_histograms {
	PV_OTLP_NO_HISTOGRAMS, /* the bucket is open and will close, or has been given before */
	PV_OTLP_DELTA,	       /* it is closed */
	PV_OTLP_CUMULATIVE     /* it is open for ever: what it has only grows */
};

/* Everything that is enabled in a bucket, but for histograms as they say. now_ns: since the epoch. 0, or -1: errno EINVAL
 * (labels, as for pv_points_visit(); nothing was added) or ENOMEM. */
int pv_otlp_bucket(struct pv_otlp *, const struct pv_bucket *, const struct pv_label *, size_t n, uint64_t now_ns,
		   enum pv_otlp_histograms);

/* The request, freed by free(). Nothing can be added after it. NULL: ENOMEM, of any call since pv_otlp_new(). */
uint8_t *pv_otlp_bytes(struct pv_otlp *, size_t *len);

uint64_t pv_otlp_points(const struct pv_otlp *);  /* that are in it */
uint64_t pv_otlp_dropped(const struct pv_otlp *); /* that are not */

#endif
