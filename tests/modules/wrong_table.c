/* SPDX-License-Identifier: MPL-2.0 */
/* A table of metrics that names a group which there is not. */
#include "module/pv-module.h"

static void update(struct pv_bucket *b, const struct pv_event *ev, bool deep, struct pv_handler_ctx *ctx)
{
	(void)b, (void)ev, (void)deep, (void)ctx;
}

static const struct pv_scope scopes[] = {{NULL, NULL, 0, 1}};
static const struct pv_metric metrics[] = {
    {.id = 1, .kind = PV_COUNTER, .group = 1, .group2 = PV_ALWAYS, .path = "a", .help = "of no group"}};
static const struct pv_handler table = {.type = "table",
					.version = "1.0",
					.schema = "table",
					.metrics = metrics,
					.nmetrics = 1,
					.scopes = scopes,
					.nscopes = 1,
					.events = -1,
					.samples = -1,
					.events_rate = -1,
					.update = update};
static const struct pv_handler *const handlers[] = {&table};
const struct pv_module pv_module = {PV_MODULE_HEAD, .name = "table", .version = "1.0", .handlers = handlers,
				    .nhandlers = 1};
