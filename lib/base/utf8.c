/* SPDX-License-Identifier: MPL-2.0 */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

size_t pv_utf8_len(const unsigned char *p, size_t n)
{
	unsigned char c = p[0];
	if (c < 0x80)
		return 1;
	size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (c < 0xc2 || c > 0xf4 || n < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
	    (c == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

size_t pv_utf8_clean(const void *bytes, size_t n, char *out, size_t cap)
{
	const unsigned char *p = bytes;
	size_t at = 0;
	if (!cap)
		return 0;
	for (size_t i = 0; i < n;) {
		size_t len = pv_utf8_len(p + i, n - i);
		if (len == 1 && ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f))
			len = 0;
		if (len == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0) /* C1: U+009B begins a terminal's control sequence */
			len = 0;
		if (at + (len ? len : 4) + 1 > cap)
			break;
		if (len) {
			memcpy(out + at, p + i, len);
			at += len;
			i += len;
		} else {
			out[at++] = '\\';
			out[at++] = (char)('0' + p[i] / 100);
			out[at++] = (char)('0' + p[i] / 10 % 10);
			out[at++] = (char)('0' + p[i] % 10);
			i++;
		}
	}
	out[at] = 0;
	return at;
}
