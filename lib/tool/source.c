/* SPDX-License-Identifier: MPL-2.0 */
#include "tool/source.h"

#include <string.h>

int pv_tool_source_end(const struct pv_program *prog, const struct pv_out *out, enum pv_res polled, const char *why)
{
	if (polled == PV_FAIL && why && *why)
		pv_tool_say(prog, "%s", why);
	else if (out->res == PV_FAIL)
		pv_tool_say(prog, "cannot write: %s", strerror(out->error));
	return polled == PV_FAIL || out->res == PV_FAIL ? PV_EXIT_FAILED : PV_EXIT_OK;
}

void pv_tool_privs_drop(const struct pv_program *prog, const struct pv_privs_conf *conf, bool verbose)
{
	char why[512];
	const struct pv_privs_conf nothing = {.keep_net_raw = false};
	if (!pv_privs_drop(conf ? conf : &nothing, why, sizeof why) && verbose)
		pv_tool_say(prog, "privileges: %s", why);
}

bool pv_tool_ports(const struct pv_program *prog, const char *option, const struct pv_opt_list *list, uint16_t port[],
		   size_t max, size_t *n)
{
	for (size_t i = 0; i < list->count; i++) {
		uint64_t value;
		if (!pv_parse_u64(list->item[i], &value) || !value || value > UINT16_MAX) {
			pv_tool_say(prog, "%s: not a port: '%s'", option, list->item[i]);
			return false;
		}
		if (*n == max) {
			pv_tool_say(prog, "%s: more than %zu ports", option, max);
			return false;
		}
		port[(*n)++] = (uint16_t)value;
	}
	return true;
}
