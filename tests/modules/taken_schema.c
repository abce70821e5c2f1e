/* SPDX-License-Identifier: MPL-2.0 */
#define TYPE "packets" /* the schema of net */
#include "analyser.h"
