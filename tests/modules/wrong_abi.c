/* SPDX-License-Identifier: MPL-2.0 */
#define ABI    (PV_MODULE_ABI + 1)
#define LAYOUT 0 /* nobody looks at it */
#include "empty.h"
