/* SPDX-License-Identifier: MPL-2.0 */
/* base/utf8.h - bytes of unknown origin as text that every reader accepts. */
#ifndef PV_BASE_UTF8_H
#define PV_BASE_UTF8_H

#include <stddef.h>

/* Length of the valid UTF-8 sequence at p (n >= 1 bytes are there), 0 when there is none. No overlong forms, no
 * surrogates, nothing beyond U+10FFFF (RFC 3629). */
size_t pv_utf8_len(const unsigned char *p, size_t n);

/* Copies n bytes to out as valid UTF-8 with a NUL: bytes of no valid sequence, and control characters (C0 but TAB,
 * DEL, C1), become \DDD (as in DNS presentation format, RFC 1035 5.1). Stops where cap is full, never inside a sequence.
 * Returns the length. 4 * n + 1 bytes are always enough. */
size_t pv_utf8_clean(const void *bytes, size_t n, char *out, size_t cap);

#endif
