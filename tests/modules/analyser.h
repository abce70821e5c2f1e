/* SPDX-License-Identifier: MPL-2.0 */
/* A module whose analyser does nothing. TYPE is its name, WANTS what it asks for, OWN its events' name. */
#include <stdlib.h>

#include "module/pv-module.h"

#ifndef WANTS
#define WANTS 0
#endif
#ifndef OWN
#define OWN TYPE
#endif

static enum pv_verdict event(void *self, const struct pv_event *ev, struct pv_emit *to)
{
	(void)self, (void)ev, (void)to;
	return PV_KEEP;
}

static void *make(const void *conf, uint64_t seed)
{
	(void)conf, (void)seed;
	return malloc(1);
}

static const struct pv_event_module own = {OWN, sizeof(struct pv_module_event), NULL};
static const struct pv_analyser_ops ops = {
    .type = TYPE, .wants = WANTS, .own = &own, .event = event, .free = free};
static const struct pv_module_analyser analysers[] = {{.ops = &ops, .make = make}};
const struct pv_module pv_module = {PV_MODULE_HEAD, .name = "an_analyser", .version = "1.0",
				    .analysers = analysers, .nanalysers = 1};
