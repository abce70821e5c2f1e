/* SPDX-License-Identifier: MPL-2.0 */
/* resources/measure.h - what a thread takes of a processor, and its process of the memory.
 *
 * CPU: the thread's own CPU time against the wall clock, from one measurement to the next, in millionths of one
 * processor's time: 1,000,000 is a thread that kept one processor busy all the time. It is never more. Both
 * clocks count nanoseconds, so no time is counted twice (as /proc/stat does with guests) and none is rounded
 * to clock ticks. An interval shorter than PV_MEASURE_LEAST_NS says nothing, and is not ended: it goes on until
 * a later measurement.
 * Memory: resident bytes of the whole process; the kernel has no number for one thread.
 *
 * What a system cannot tell is unknown, not 0: memory where there is no /proc/self/statm, CPU time where threads
 * have no clock.
 *
 * Threads: start and take are called by the thread that is measured. Cost: two clocks and reading one small file
 * in /proc. Sources: clock_gettime(2), proc(5). */
#ifndef PV_RESOURCES_MEASURE_H
#define PV_RESOURCES_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_MEASURE_LEAST_NS UINT64_C(1000000) /* 1 ms: shorter, a single interrupt would show as tens of percent */

struct pv_measure {
	bool known;                /* that there is a CPU clock */
	uint64_t cpu_ns, clock_ns; /* at the start of the interval: of the thread, of the wall (monotonic) */
};

struct pv_usage {
	bool cpu_known, memory_known;
	uint32_t cpu_ppm;
	uint64_t memory_bytes;
};

void pv_measure_start(struct pv_measure *);
void pv_measure_take(struct pv_measure *, struct pv_usage *);

/* The parts of it that take no look at the machine. cpu: ends the interval at these clocks; false: too short, or a
 * clock went back. statm: resident bytes from the text of /proc/self/statm; false: it is none. */
bool pv_measure_cpu(struct pv_measure *, uint64_t cpu_ns, uint64_t clock_ns, uint32_t *ppm);
bool pv_measure_statm(const char *text, uint64_t page_bytes, uint64_t *bytes);

#endif
