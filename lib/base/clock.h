/* SPDX-License-Identifier: MPL-2.0 */
/* base/clock.h - what a live stream does when the wall clock goes back.
 *
 * A live stream's time is the wall clock's, and does not run backwards: packets come out of order, NTP corrects by a little,
 * and time stands still for as long. A clock that is further behind than that was set (a machine started with a wrong
 * one, before the network told it better): standing still would take as long as it was wrong, hours or years of a minute
 * that never ends. Then the stream goes back with it, and its windows start afresh (window/window.h).
 *
 * All live sources, and those who keep their streams' time, ask here. Recorded streams have whatever times they have. */
#ifndef PV_BASE_CLOCK_H
#define PV_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define PV_CLOCK_STEP_NS UINT64_C(60000000000) /* a period of a window: nothing is that late in a stream */

/* Has the clock been set since it was before_ns? */
static inline bool pv_clock_set_back(uint64_t now_ns, uint64_t before_ns)
{
	return before_ns > now_ns && before_ns - now_ns > PV_CLOCK_STEP_NS;
}

/* The time of a stream that was at before_ns: the later one, unless the clock was set. */
static inline uint64_t pv_clock_stream(uint64_t now_ns, uint64_t before_ns)
{
	return now_ns > before_ns || pv_clock_set_back(now_ns, before_ns) ? now_ns : before_ns;
}

#endif
