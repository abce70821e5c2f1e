/* SPDX-License-Identifier: MPL-2.0 */
#include "base/pem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *pv_pem_read(const char *path, char *err, size_t cap)
{
	FILE *f = fopen(path, "rbe");
	char *text = f ? malloc(PV_PEM_BYTES + 1) : NULL;
	size_t n = text ? fread(text, 1, PV_PEM_BYTES + 1, f) : 0;
	int why = errno;
	bool failed = !f || !text || ferror(f);
	if (f)
		fclose(f);
	if (failed || n > PV_PEM_BYTES) {
		snprintf(err, cap, "cannot read %s: %s", path, failed ? strerror(why) : "too large for a certificate or key");
		free(text);
		return NULL;
	}
	text[n] = 0;
	return text;
}
