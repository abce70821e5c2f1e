/* SPDX-License-Identifier: MPL-2.0 */
#define TYPE "ntp"
#include "analyser.h"
