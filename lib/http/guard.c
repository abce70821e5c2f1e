/* SPDX-License-Identifier: MPL-2.0 */
#include "http/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/listen.h"

#define HOST_MAX 256 /* a DNS name */

/* The host part of "host", "host:port", "[v6]" or "[v6]:port". */
static bool host_part(const char *header, char *out)
{
	const char *from = *header == '[' ? header + 1 : header;
	size_t n = strcspn(from, *header == '[' ? "]" : ":");
	const char *rest = from + n;
	if (*header == '[') {
		if (*rest++ != ']')
			return false;
	}
	if (*rest && (*rest != ':' || rest[1 + strspn(rest + 1, "0123456789")]))
		return false;
	while (n && from[n - 1] == '.') /* "localhost." is the same name */
		n--;
	if (!n || n >= HOST_MAX)
		return false;
	memcpy(out, from, n);
	out[n] = 0;
	return true;
}

bool pv_http_host_ok(const char *header, const char *own)
{
	static const char suffix[] = ".localhost";
	char host[HOST_MAX];
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;
	if (!header)
		return true;
	if (!host_part(header, host))
		return false;
	size_t n = strlen(host);
	if (!strcasecmp(host, "localhost") || (own && !strcasecmp(host, own)) ||
	    (n >= sizeof suffix && !strcasecmp(host + n - (sizeof suffix - 1), suffix)))
		return true;
	memset(&a, 0, sizeof a);
	if (inet_pton(AF_INET, host, &a.v4.sin_addr) == 1)
		a.sa.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, host, &a.v6.sin6_addr) == 1)
		a.sa.sa_family = AF_INET6;
	return pv_listen_loopback(&a.sa);
}

bool pv_http_bearer_ok(const char *header, const char *token)
{
	static const char scheme[] = "Bearer ";
	if (!header || strncasecmp(header, scheme, sizeof scheme - 1))
		return false;
	header += sizeof scheme - 1;
	header += strspn(header, " "); /* RFC 9110 11.4 allows several, and blanks behind any header (5.5) */
	size_t n = strlen(token), given = strlen(header);
	while (given && (header[given - 1] == ' ' || header[given - 1] == '\t'))
		given--;
	if (!n || given != n)
		return false;
	uint8_t differ = 0;
	for (size_t i = 0; i < n; i++)
		differ |= (uint8_t)(header[i] ^ token[i]);
	return !differ;
}
