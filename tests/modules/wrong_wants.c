/* SPDX-License-Identifier: MPL-2.0 */
#define TYPE  "greedy"
#define WANTS PV_WANTS(PV_EV_MODULE) /* the number of whose events? */
#include "analyser.h"
