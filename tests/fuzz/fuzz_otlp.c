/* SPDX-License-Identifier: MPL-2.0 */
/* What a collector answers to a push: a byte that says which of two messages, and the message. Properties: what is refused
 * says nothing; words are one line of UTF-8 without control characters; a field behind it that nobody knows changes nothing. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "push/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool holds)
{
	if (!holds)
		abort();
}

static void words(const char *text)
{
	size_t n = strlen(text);
	want(n < PV_PUSH_WORDS);
	for (size_t i = 0, len; i < n; i += len) {
		len = pv_utf8_len((const unsigned char *)text + i, n - i);
		want(len && (unsigned char)text[i] >= ' ' && text[i] != 0x7f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pv_push_answer a, b;
	if (!size)
		return 0;
	bool (*read)(const void *, size_t, struct pv_push_answer *) = data[0] & 1 ? pv_push_status : pv_push_response;
	bool ok = read(data + 1, size - 1, &a);
	want(a.rejected <= INT64_MAX && (ok || (!a.rejected && !a.words[0])));
	words(a.words);
	uint8_t *longer = malloc(size + 2);
	want(longer != NULL);
	memcpy(longer, data + 1, size - 1);
	memcpy(longer + size - 1, "\x78\x01", 2); /* field 15 */
	bool still = read(longer, size + 1, &b);
	want(!ok || (still && a.rejected == b.rejected && !strcmp(a.words, b.words)));
	free(longer);
	return 0;
}
