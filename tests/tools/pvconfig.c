/* SPDX-License-Identifier: MPL-2.0 */
/*
 * pvconfig - what the agent makes of a configuration.
 *
 *	pvconfig FILE
 *
 * Prints the checked configuration as JSON, warnings on stderr; or the first error, and exits with 1. All
 *input types count as available. */
#include <stdio.h>
#include <stdlib.h>

#include "handlers/handlers.h"
#include "policy/config.h"

static void say(void *ctx, enum pv_config_say kind, unsigned line, const char *text)
{
	if (kind == PV_SAY_WARNING)
		fprintf(stderr, "%s:%u: warning: %s\n", (const char *)ctx, line, text);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: pvconfig FILE\n");
		return 2;
	}
	struct pv_config_world world = {.handlers = pv_handlers, .say = say, .ctx = argv[1]};
	struct pv_config_error err;
	struct pv_config *conf = pv_config_load_file(argv[1], &world, &err);
	if (!conf) {
		char text[PV_CONFIG_TEXT + 200];
		fprintf(stderr, "%s\n", pv_config_error_text(&err, argv[1], text, sizeof text));
		return 1;
	}
	json_t *json = pv_config_json(conf);
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(json);
	pv_config_free(conf);
	return 0;
}
