/* SPDX-License-Identifier: MPL-2.0 */
/* gospell.h - the original's options as it has them: it is a Go program, whose flags take one dash or two, and a value behind
 * "=", "-p=80 --P default -tls=true". */
#ifndef PKTVISOR_CLI_GOSPELL_H
#define PKTVISOR_CLI_GOSPELL_H

/* Puts our spelling in their place, and takes out flags that are off. Returns how many arguments are left. */
int pv_go_spelling(int argc, char **argv);

#endif
