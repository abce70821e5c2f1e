/* SPDX-License-Identifier: MPL-2.0 */
/* resources/resources.h - RESOURCES events: when they are due, and what stands in them.
 *
 * Whoever runs an input keeps one of these beside it and asks, between two polls, whether an event is due. It is:
 *   - at the start of the stream, so that the number of policies is known at once;
 *   - when the number of policies or handlers has changed;
 *   - every PV_RESOURCES_NS by the clock, whether or not anything arrives.
 * Measured is at most every PV_RESOURCES_NS; an event that comes earlier tells of policies and handlers alone. But
 * while no CPU time is known yet, each event measures: a stream shorter than the interval gets its numbers
 * from an event that is put in front of its STOP.
 *
 *   pv_resources_start(&r);                                      in the thread that runs the input
 *   ...
 *   if (pv_resources_due(&r, mono_ns, policies, handlers))
 *           pv_resources_tell(&r, stream_time_ns, policies, handlers, &event);
 *
 * policies and handlers are absolute: those that use the input now, without the policy that shows these numbers; a
 * chain of handlers is one. Where several threads read one input, one of them tells the counts
 * and the others 0, because levels of several streams add up.
 *
 * The event's time is stream time, which is not the clock's in a recorded stream, so it moves no window. Ownership: a
 * value, nothing to free. Threads: all calls from the thread that is measured. */
#ifndef PV_RESOURCES_RESOURCES_H
#define PV_RESOURCES_RESOURCES_H

#include "resources/measure.h"
#include "stage/out.h"

#define PV_RESOURCES_NS (UINT64_C(5) * 1000000000)

struct pv_resources {
	struct pv_measure measure;
	uint64_t number;  /* measurements so far */
	uint64_t next_ns; /* monotonic clock: when the next is due */
	uint32_t policies, handlers; /* as they were told */
	bool told, cpu_told;
	uint8_t stage; /* that is measured; 0 the source */
};

void pv_resources_start(struct pv_resources *);

/* mono_ns: CLOCK_MONOTONIC, a coarse one will do. */
bool pv_resources_due(const struct pv_resources *, uint64_t mono_ns, unsigned policies, unsigned handlers);

/* The event, in a place of the caller's, due or not. */
void pv_resources_tell(struct pv_resources *, uint64_t time_ns, unsigned policies, unsigned handlers,
		       struct pv_resources_event *);

#endif
