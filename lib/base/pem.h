/* SPDX-License-Identifier: MPL-2.0 */
/* base/pem.h - files of certificates and keys, which are read before privileges are dropped. Threads: any. */
#ifndef PV_BASE_PEM_H
#define PV_BASE_PEM_H

#include <stddef.h>

#define PV_PEM_BYTES (1u << 20) /* of a file: the certificates of every authority there is are 220 KB */

/* A whole file with a NUL behind it; the caller's to free. NULL with one line in err. */
char *pv_pem_read(const char *path, char *err, size_t cap);

#endif
