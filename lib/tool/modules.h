/* SPDX-License-Identifier: MPL-2.0 */
/* tool/modules.h - the options of every program that loads modules. */
#ifndef PV_TOOL_MODULES_H
#define PV_TOOL_MODULES_H

#include "module/module.h"
#include "tool/tool.h"

struct pv_tool_modules {
	const char *dir;
	bool list;
};
#define PV_TOOL_MODULES {NULL, false}
#define PV_TOOL_MODULE_OPTS(m)                                                                                        \
	{0, "module-dir", PV_OPT_STRING, &(m).dir, "DIR",                                                             \
	 "load every module (*.so) in DIR, which nobody else may be able to write to", 0, 0},                         \
	{0, "module-list", PV_OPT_FLAG, &(m).list, NULL, "print what is built in and what was loaded, and exit", 0, 0}

/* What these options ask for; call it before a configuration is read, and before privileges are dropped. The list, and
 * modules that cannot be used, end the program here (exit 0 or 1). The caller frees the object last of all. */
struct pv_modules *pv_tool_modules(const struct pv_program *, const struct pv_tool_modules *);

/* --module-list, on stdout: inputs, then handlers, "handler: net version 1.0". */
void pv_tool_modules_list(const struct pv_modules *);

#endif
