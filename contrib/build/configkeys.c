/* SPDX-License-Identifier: MPL-2.0 */
/* configkeys - the keys of the agent's configuration, one a line, for the tables of pktvisord.yaml(5): see
 * pv_schema_list(). Used by contrib/build/manpage. */
#include "handlers/handlers.h"
#include "policy/schema.h"

int main(void)
{
	pv_schema_list(stdout, pv_handlers);
	return fflush(stdout) || ferror(stdout);
}
