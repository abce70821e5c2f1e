/* SPDX-License-Identifier: MPL-2.0 */
/* Calls what no program has. */
#include "module/pv-module.h"

void *pv_of_a_later_version(void);

static void *make(const void *conf, uint64_t seed)
{
	(void)conf, (void)seed;
	return pv_of_a_later_version();
}

static const struct pv_module_analyser analysers[] = {{.make = make}};
const struct pv_module pv_module = {PV_MODULE_HEAD, .name = "undefined", .version = "1.0",
				    .analysers = analysers, .nanalysers = 1};
