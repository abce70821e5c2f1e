/* SPDX-License-Identifier: MPL-2.0 */
/* http/openapi.h - lib/http/openapi.yaml, as the build puts it into the program (contrib/build/embed). */
#ifndef PV_HTTP_OPENAPI_H
#define PV_HTTP_OPENAPI_H

extern const char pv_openapi[];

#endif
