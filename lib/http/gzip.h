/* SPDX-License-Identifier: MPL-2.0 */
/* http/gzip.h - bodies made smaller (zlib). Threads: any. */
#ifndef PV_HTTP_GZIP_H
#define PV_HTTP_GZIP_H

#include <stdbool.h>
#include <stddef.h>

/* What was malloc()ed becomes a gzip of itself, if that is smaller; false: it stays as it is. */
bool pv_gzip(char **bytes, size_t *len);

#endif
