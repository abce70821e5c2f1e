/* SPDX-License-Identifier: MPL-2.0 */
#define TYPE "dns"
#include "analyser.h"
