/* SPDX-License-Identifier: MPL-2.0 */
/* dnstap/source.h - what dnstap.c, file.c and server.c share; nobody else includes it.
 *
 * dnstap.c  frames to events, START and STOP, the public calls
 * file.c    a file or stdin as the supply of frames
 * server.c  servers that connect as the supply of frames */
#ifndef PV_DNSTAP_SOURCE_H
#define PV_DNSTAP_SOURCE_H

#include <stdatomic.h>

#include "dnstap/decode.h"
#include "dnstap/dnstap.h"
#include "dnstap/frames.h"

#define PV_DNSTAP_NS UINT64_C(1000000000)
#define PV_DNSTAP_READ (128u * 1024) /* per read(): some 600 messages, and the processor's cache keeps them until they are done */
#define PV_DNSTAP_IO (PV_FRAMES_HEAD + PV_FRAMES_DATA_MAX + PV_DNSTAP_READ) /* the longest frame, and what is read behind it */

struct pv_dnstap_server; /* of server.c */

struct pv_dnstap_source {
	/* settings */
	struct pv_dnstap_conf conf; /* its strings are ours */
	char *file, *socket, *tcp, *producer;
	char from[512];

	/* how far it is */
	struct pv_out *out; /* during a poll */
	bool started;
	bool done; /* count or deadline reached */
	bool over; /* STOP is out, or cannot be: `result` says how it ended */
	enum pv_res result;
	uint64_t time_ns;     /* of the newest message, or what went out as time after it */
	uint64_t deadline_ns; /* recorded: messages from here on are not ours */
	uint64_t stamps;      /* state of the generator */
	int wake[2];          /* a pipe: written to by pv_dnstap_stop() */
	atomic_bool stop;
	char error[512], notice[256];
	bool noticed;

	/* frames */
	struct pv_dnstap_decoder *decoder;
	struct fstrm_control *control;
	uint8_t *io; /* PV_DNSTAP_IO bytes: what is being read */

	/* counted */
	uint64_t received, analysed, filtered, malformed, unsupported;
	uint64_t reasons[PV_DNSTAP_REASONS];
	uint64_t clients, refused, evicted, idle, bad;

	/* file.c */
	int fd;
	bool waits; /* fd is a pipe, or something else that may keep us waiting */
	struct pv_frames frames;
	size_t io_at, io_len; /* io[io_at, io_len) is read and not yet used */
	uint64_t bytes_read, bytes_total;

	/* server.c */
	struct pv_dnstap_server *server;
};

/* ---- dnstap.c */
uint64_t pv_dnstap_clock(bool wall); /* ns; else the monotonic one */
__attribute__((format(printf, 2, 3))) void pv_dnstap_tell(struct pv_dnstap_source *, const char *fmt, ...);
void pv_dnstap_begin(struct pv_dnstap_source *, enum pv_clock, uint64_t time_ns);
/* The payload of a data frame. arrival_ns 0: the stream is recorded. */
void pv_dnstap_frame(struct pv_dnstap_source *, const uint8_t *frame, size_t n, uint64_t arrival_ns);
void pv_dnstap_ledger(struct pv_dnstap_source *, uint64_t time_ns); /* so far */
enum pv_res pv_dnstap_finish(struct pv_dnstap_source *, uint64_t time_ns, enum pv_res result);
bool pv_dnstap_stopped(struct pv_dnstap_source *);

/* ---- file.c, server.c: open leaves a line in s->error when it fails; poll as pv_dnstap_poll() */
int pv_dnstap_open_file(struct pv_dnstap_source *);
enum pv_res pv_dnstap_poll_file(struct pv_dnstap_source *);
void pv_dnstap_close_file(struct pv_dnstap_source *);
int pv_dnstap_open_server(struct pv_dnstap_source *);
enum pv_res pv_dnstap_poll_server(struct pv_dnstap_source *);
void pv_dnstap_close_server(struct pv_dnstap_source *);
void pv_dnstap_server_status(const struct pv_dnstap_source *, struct pv_dnstap_status *);

#endif
