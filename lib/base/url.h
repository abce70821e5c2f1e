/* SPDX-License-Identifier: MPL-2.0 */
/* base/url.h - addresses that a person gave in parts, as one that libcurl takes for the same. Threads: any. */
#ifndef PV_BASE_URL_H
#define PV_BASE_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_URL_HOST 255  /* bytes: DNS has no longer names */
#define PV_URL_PATH 1023 /* enough for any path that is served */
#define PV_URL (PV_URL_HOST + PV_URL_PATH + 20)

/* A name or an address, IPv6 with or without brackets: nothing that would make something else of a URL. */
bool pv_url_host_ok(const char *);

/* Begins with '/', ASCII without blanks and '#'. */
bool pv_url_path_ok(const char *);

/* "https://[::1]:4318/v1/metrics". */
void pv_url(char out[PV_URL], bool tls, const char *host, uint16_t port, const char *path);

#endif
