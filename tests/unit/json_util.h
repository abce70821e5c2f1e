/* SPDX-License-Identifier: MPL-2.0 */
/* tests/unit/json_util.h - what a bucket shows, by path, as text. */
#ifndef TESTS_JSON_UTIL_H
#define TESTS_JSON_UTIL_H

#include <stdlib.h>
#include <string.h>

#include "metric/json.h"

/* The value at "in.top_qname2_xacts" as compact JSON, a top list as "name=estimate ..."; "-" where there is none. */
static inline void bucket_shows(const struct pv_bucket *b, const char *path, char *out, size_t cap)
{
	json_t *root = pv_bucket_json(b), *at = root;
	size_t n = 0;
	while (at && *path) {
		char key[64];
		size_t len = strcspn(path, ".");
		snprintf(key, sizeof key, "%.*s", (int)len, path);
		at = json_object_get(at, key);
		path += len + (path[len] == '.');
	}
	snprintf(out, cap, "-");
	if (json_is_array(at)) {
		size_t i;
		json_t *row;
		*out = 0;
		json_array_foreach (at, i, row)
			n += (size_t)snprintf(out + n, cap - n, "%s%s=%lld", i ? " " : "",
					      json_string_value(json_object_get(row, "name")),
					      (long long)json_integer_value(json_object_get(row, "estimate")));
	} else if (at) {
		char *text = json_dumps(at, PV_JSON_FLAGS | JSON_ENCODE_ANY);
		snprintf(out, cap, "%s", text ? text : "?");
		free(text);
	}
	json_decref(root);
}

#define SHOWS(bucket, path, want)                                                                            \
	do {                                                                                                 \
		char shown_[2048];                                                                           \
		bucket_shows(bucket, path, shown_, sizeof shown_);                                           \
		if (strcmp(shown_, want))                                                                    \
			fail_msg("%s: want %s, got %s", path, want, shown_);                                 \
	} while (0)

#endif
