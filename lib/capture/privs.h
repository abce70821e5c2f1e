/* SPDX-License-Identifier: MPL-2.0 */
/* capture/privs.h - give up what root had, before any thread starts.
 *
 * pv_privs_drop() is called once, by the main thread, when everything that needs privileges is open.
 * Afterwards no capability is effective, the bounding set is empty, no new privileges can be gained by exec,
 * and root has become the unprivileged user `nobody`, or whom it was told, where the system lets it. With keep_net_raw
 * CAP_NET_RAW stays in the permitted set, so that an interface can be opened again; the thread that does so
 * raises it around the open and nowhere else:
 *
 *      bool raised = pv_privs_raise();
 *      ... pcap_activate() ...
 *      pv_privs_lower(raised);
 *
 * CAP_NET_ADMIN is not kept: promiscuous mode is asked for through the packet socket, which needs
 * CAP_NET_RAW only. Opened descriptors (output, a capture on stdin) stay usable.
 *
 * A container may forbid parts of it. That is no failure: the rest is done, and `why` says in one line what
 * could not be done. capabilities(7), prctl(2). Threads: raise and lower act on the calling thread alone. */
#ifndef PV_CAPTURE_PRIVS_H
#define PV_CAPTURE_PRIVS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pv_privs_conf {
	bool keep_net_raw; /* an interface may have to be opened again */
	bool keep_user;    /* stay root by name: files of root are still to be read */
	uid_t user;        /* whom root becomes; 0: nobody */
	gid_t group;       /* with user */
};

/* True when all of it was done; else a line in why. */
bool pv_privs_drop(const struct pv_privs_conf *, char *why, size_t cap);

/* True when CAP_NET_RAW was permitted but not effective, and is effective now. */
bool pv_privs_raise(void);
void pv_privs_lower(bool raised);

#endif
