/* SPDX-License-Identifier: MPL-2.0 */
/* flow/services.h - names of ports, from the list that IANA publishes as CSV (RFC 6335; the file is RFC 4180).
 *
 * Model: a name per port and protocol (TCP, UDP, SCTP, DCCP; a port of one says nothing of another). Columns
 * are found by their names in the first line: `Service Name`, `Port Number`, `Transport Protocol`; others are
 * not looked at. A row without a name, with another protocol, or whose port is neither N nor A-B within 0 to
 * 65535 is passed over. The first row of a port holds; a row of one port goes before rows of ranges.
 *
 * Who asks has a reader of his own. A list that was replaced is read anew by pv_services_reopen(); each reader changes over
 * when he asks next.
 *
 * Ownership: of pv_services_open()'s caller, to be freed when all readers have been reset. Threads: any number may have
 * readers, and reopen; a reader is used by one at a time.
 * Memory: a table of 512 KiB and the names; twice that while readers change over.
 * Limits: below; what goes beyond them is an error, since half a list would mislead. */
#ifndef PV_FLOW_SERVICES_H
#define PV_FLOW_SERVICES_H

#include <stddef.h>
#include <stdint.h>

#define PV_SERVICES_BYTES (16u << 20) /* of a file; IANA's has 1.3 MiB */
#define PV_SERVICES_NAMES 65535u      /* different rows that are kept; IANA's has 12,000 */
#define PV_SERVICES_NAME  63u	      /* bytes of a name, longer ones are cut; RFC 6335 allows 15 */

struct pv_services;
struct pv_services_list;

/* NULL with one line in err: "<file>: <reason>". */
struct pv_services *pv_services_open(const char *path, char *err, size_t cap);
/* The file once more, as the path was when it was opened; what is there stays where that fails. 0, or -1 with one line in
 * err. Nothing for a list that was a text. */
int pv_services_reopen(struct pv_services *, char *err, size_t cap);
/* The same as open of a text; what: how to call it in err. */
struct pv_services *pv_services_parse(const char *text, size_t n, const char *what, char *err, size_t cap);
void pv_services_free(struct pv_services *); /* NULL is fine */

struct pv_services_reader { /* to be initialised; nothing in it is the user's */
	struct pv_services *of;
	struct pv_services_list *list;
	unsigned generation;
};

/* Services NULL: no port has a name. */
void pv_services_reader_init(struct pv_services_reader *, struct pv_services *);
void pv_services_reader_reset(struct pv_services_reader *);

/* The name of a port of an IP protocol (6, 17, 33, 132), and its length; NULL: it has none, as for port 0. Good until
 * the reader is asked again. */
const char *pv_services_name(struct pv_services_reader *, uint8_t proto, uint16_t port, size_t *len);

#endif
