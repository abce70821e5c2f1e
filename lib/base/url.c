/* SPDX-License-Identifier: MPL-2.0 */
#include "base/url.h"

#include <stdio.h>
#include <string.h>

bool pv_url_host_ok(const char *host)
{
	return *host && strlen(host) <= PV_URL_HOST && !strpbrk(host, "/@?#\\ \t\r\n%");
}

bool pv_url_path_ok(const char *path)
{
	if (*path != '/' || strlen(path) > PV_URL_PATH)
		return false;
	for (; *path; path++)
		if (*path <= ' ' || *path > '~' || *path == '#')
			return false;
	return true;
}

void pv_url(char out[PV_URL], bool tls, const char *host, uint16_t port, const char *path)
{
	bool v6 = strchr(host, ':') && host[0] != '[';
	snprintf(out, PV_URL, "%s://%s%.255s%s:%u%.1023s", tls ? "https" : "http", v6 ? "[" : "", host, v6 ? "]" : "", port,
		 path);
}
