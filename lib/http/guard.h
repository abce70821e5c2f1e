/* SPDX-License-Identifier: MPL-2.0 */
/* http/guard.h - who may ask: the Host header, and the token of the admin API.
 *
 * A server on a loopback address is reached by every web page that the machine's user opens, when a name of the page's own
 * domain is made to point to 127.0.0.1 (DNS rebinding). Such requests name that domain in Host. So a server that listens on
 * loopback addresses only answers to names of the loopback interface, and to the name it was told to listen on. */
#ifndef PV_HTTP_GUARD_H
#define PV_HTTP_GUARD_H

#include <stdbool.h>

/* Is a Host header "localhost", "*.localhost", a loopback address or `own` (NULL: none), with or without a port? NULL, a
 * request without one, is: no browser sends such. */
bool pv_http_host_ok(const char *header, const char *own);

/* Is an Authorization header "Bearer <token>"? Takes as long for every wrong token of one length. NULL is not. */
bool pv_http_bearer_ok(const char *header, const char *token);

#endif
