/* SPDX-License-Identifier: MPL-2.0 */
/* capture/iface.h - which interface is meant, what addresses it has, and whether it is up.
 *
 * Resolution, first match wins: "any" is all interfaces (Linux cooked capture); "auto" is the one that is up,
 * not loopback, and has seen most packets (more than none); an IPv4, then IPv6 literal is the device that
 * owns it; anything else is a name.
 *
 * A pv_ifwatch hears from the kernel (rtnetlink(7), RTM_NEWLINK and RTM_DELLINK) when one named
 * interface goes down, away or comes back, so that an outage shorter than any polling interval is seen and
 * counted. One that is renamed has gone, whatever it does under its new name. Without such a socket it falls back to looking once per call.
 * No state outside the objects. Limits: names are IFNAMSIZ, lists end with what fits the caller's text. */
#ifndef PV_CAPTURE_IFACE_H
#define PV_CAPTURE_IFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

#define PV_IFACE_NAME 64   /* IFNAMSIZ and room for other systems' device names */
#define PV_IFACE_ADDRS 256 /* addresses of one interface that become host subnets */

/* The device's name into name. 0, or -1 with a line in err. */
int pv_iface_resolve(const char *wanted, char name[PV_IFACE_NAME], char *err, size_t errcap);

/* The interface's addresses with their prefix lengths ("any": those of all). Returns how many, at most max. */
size_t pv_iface_addrs(const char *name, struct pv_subnet *nets, size_t max);

enum pv_ifstate {
	PV_IF_UP,
	PV_IF_DOWN, /* there, but not up */
	PV_IF_GONE
};

struct pv_ifwatch {
	int fd; /* readable when something has changed; -1: none */
	char name[PV_IFACE_NAME];
	unsigned index; /* of the device that was opened */
	enum pv_ifstate state;
	bool replaced; /* the name is there, with another index */
};

/* Starts from the state the interface has now. "any" is always up. */
void pv_ifwatch_init(struct pv_ifwatch *, const char *name);
void pv_ifwatch_close(struct pv_ifwatch *);

/* Takes in what has happened. Returns how many times the interface went down or away since the last call. */
unsigned pv_ifwatch_update(struct pv_ifwatch *);

/* The device with this name now is the one that was opened. */
void pv_ifwatch_reopened(struct pv_ifwatch *);

#endif
