/* SPDX-License-Identifier: MPL-2.0 */
/* IPFIX. */
#include "fuzz_flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_datagrams(PV_FLOW_KIND_NETFLOW, data, size);
	return 0;
}
