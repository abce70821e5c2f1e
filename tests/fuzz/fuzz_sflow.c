/* SPDX-License-Identifier: MPL-2.0 */
/* sFlow 2, 4 and 5. */
#include "fuzz_flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_datagrams(PV_FLOW_KIND_SFLOW, data, size);
	return 0;
}
