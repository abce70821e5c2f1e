/* SPDX-License-Identifier: MPL-2.0 */
#include "resources/resources.h"

#include <time.h>

static uint64_t clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

void pv_resources_start(struct pv_resources *r)
{
	*r = (struct pv_resources){.number = 0};
	pv_measure_start(&r->measure);
}

bool pv_resources_due(const struct pv_resources *r, uint64_t mono_ns, unsigned policies, unsigned handlers)
{
	return !r->told || mono_ns >= r->next_ns || policies != r->policies || handlers != r->handlers;
}

static void measure(struct pv_resources *r, struct pv_resources_event *ev)
{
	struct pv_usage u;
	pv_measure_take(&r->measure, &u);
	if (u.cpu_known) {
		ev->bits |= PV_RES_CPU;
		ev->cpu_ppm = u.cpu_ppm;
		r->cpu_told = true;
	}
	if (u.memory_known) {
		ev->bits |= PV_RES_MEMORY;
		ev->memory_bytes = u.memory_bytes;
	}
	r->number += ev->bits != 0;
}

void pv_resources_tell(struct pv_resources *r, uint64_t time_ns, unsigned policies, unsigned handlers,
		       struct pv_resources_event *ev)
{
	uint64_t now_ns = clock_ns();
	*ev = (struct pv_resources_event){.ev = {sizeof *ev, PV_EV_RESOURCES, 0, time_ns},
					  .policies = policies,
					  .handlers = handlers,
					  .stage = r->stage};
	bool due = !r->told || now_ns >= r->next_ns;
	if (due)
		r->next_ns = now_ns + PV_RESOURCES_NS;
	if (due || !r->cpu_told)
		measure(r, ev);
	ev->number = r->number;
	r->told = true;
	r->policies = policies;
	r->handlers = handlers;
}

_Static_assert(sizeof(struct pv_resources_event) % 8 == 0, "an event is whole as it stands");
