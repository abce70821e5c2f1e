/* SPDX-License-Identifier: MPL-2.0 */
#include "tool/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "handlers/handlers.h"

void pv_tool_modules_list(const struct pv_modules *m)
{
	const struct pv_handler *const *handlers = pv_modules_handlers(m);
	for (size_t i = 0; pv_inputs[i].alias; i++)
		printf("input: %s version %s\n", pv_inputs[i].alias, pv_inputs[i].version);
	for (size_t i = 0; i < pv_modules_count(m); i++) {
		const struct pv_module *mod = pv_modules_at(m, i);
		for (size_t k = 0; k < mod->nsources; k++)
			printf("input: %s version %s\n", mod->sources[k].type, mod->version);
	}
	for (size_t i = 0; handlers[i]; i++)
		printf("handler: %s version %s\n", handlers[i]->type, handlers[i]->version);
}

struct pv_modules *pv_tool_modules(const struct pv_program *prog, const struct pv_tool_modules *o)
{
	char err[1024] = "out of memory";
	struct pv_modules *m = pv_modules_new(pv_handlers);
	if (!m || (o->dir && pv_modules_load(m, o->dir, geteuid(), err, sizeof err))) {
		pv_tool_say(prog, "%s", err);
		pv_modules_free(m);
		exit(PV_EXIT_FAILED);
	}
	if (o->list) {
		pv_tool_modules_list(m);
		int code = pv_tool_flush(prog);
		pv_modules_free(m);
		exit(code);
	}
	return m;
}
