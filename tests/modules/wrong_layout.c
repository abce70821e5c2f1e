/* SPDX-License-Identifier: MPL-2.0 */
#define LAYOUT (PV_MODULE_LAYOUT + 1)
#include "empty.h"
