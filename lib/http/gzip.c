/* SPDX-License-Identifier: MPL-2.0 */
#include "http/gzip.h"

#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#define LEVEL 4 /* nearly as small as 6, for half the time */

bool pv_gzip(char **bytes, size_t *len)
{
	z_stream z = {.next_in = (Bytef *)*bytes, .avail_in = (uInt)*len};
	if (*len > UINT32_MAX / 2 || deflateInit2(&z, LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	char *out = malloc(*len);
	z.next_out = (Bytef *)out;
	z.avail_out = out ? (uInt)*len : 0;
	bool smaller = out && deflate(&z, Z_FINISH) == Z_STREAM_END;
	size_t n = z.total_out;
	deflateEnd(&z);
	if (!smaller) {
		free(out);
		return false;
	}
	free(*bytes);
	*bytes = out;
	*len = n;
	return true;
}
