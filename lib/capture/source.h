/* SPDX-License-Identifier: MPL-2.0 */
/* capture/source.h - what capture.c, file.c and live.c share; nobody else includes it.
 *
 * capture.c  packets to events, START and STOP, the public calls
 * file.c     a saved capture as the supply of packets
 * live.c     an interface as the supply of packets */
#ifndef PV_CAPTURE_SOURCE_H
#define PV_CAPTURE_SOURCE_H

#include <pcap/pcap.h>
#include <stdatomic.h>
#include <stdio.h>

#include "capture/capture.h"
#include "capture/fanout.h"
#include "capture/iface.h"
#include "packet/decode.h"
#include "packet/hosts.h"

#define PV_NS UINT64_C(1000000000)

struct pv_capture {
	/* settings */
	struct pv_capture_conf conf; /* its strings and ports are not used after opening */
	char *file, *bpf, *producer;
	char name[PV_IFACE_NAME]; /* of the interface */
	uint32_t snaplen;
	uint8_t payload_ports[65536 / 8];
	struct pv_hosts *hosts;
	struct pv_decoder decoder;

	/* how far it is */
	pcap_t *pcap;       /* NULL: the interface is lost */
	struct bpf_program filter; /* its program; bf_insns NULL without one */
	uint64_t frac_ns;   /* of pcap_pkthdr.ts.tv_usec: 1 or 1000 */
	struct pv_out *out; /* during a poll */
	bool started;
	bool done; /* count or deadline reached */
	bool over; /* STOP is out, or cannot be: `result` says how it ended */
	enum pv_res result;
	uint64_t time_ns;     /* of the newest packet, or what went out as time after it */
	uint64_t deadline_ns; /* packets from here on are not ours */
	uint64_t stamps;      /* state of the generator */
	int stop_event;
	atomic_bool stop;
	char error[512];

	/* counted */
	uint64_t received, malformed, unsupported, truncated;
	uint64_t reasons[PV_DEC_REASONS];
	uint64_t os_drops, if_drops, link_down;

	/* file.c */
	int fd;
	bool waits; /* fd is a pipe, or something else that may keep us waiting */
	char *io;   /* buffer of the FILE that libpcap reads, or of the records that we read ourselves */
	size_t io_at, io_len; /* io[io_at, io_len) is read and not yet used */
	int record_frac_ns;   /* unit of a record's fraction, where we do; 0 where libpcap does */
	uint64_t bytes_read, bytes_total;

	/* live.c */
	struct pv_fanout *fanout; /* NULL: all packets are ours */
	unsigned worker, workers; /* of those that share the interface; 0 of 1 */
	bool joined;		  /* pcap is a member of the group */
	uint64_t begin_ns;	  /* packets before are not ours; 0: all are */
	struct pv_ifwatch watch;
	uint64_t opened_ns;      /* wall clock */
	uint64_t mono_end_ns;    /* -t */
	uint64_t mono_second_ns; /* when the next STATS are due */
	uint64_t mono_retry_ns, backoff_ns;
	uint32_t last_os, last_if; /* of pcap_stats() */
	bool down_counted;         /* this outage is in link_down */
	char notice[256];
	bool noticed;
};

/* ---- capture.c */
void pv_capture_packet(u_char *self, const struct pcap_pkthdr *, const u_char *frame); /* a pcap_handler */
void pv_capture_start_stream(struct pv_capture *, enum pv_clock, uint64_t time_ns);
void pv_capture_tell(struct pv_capture *, uint64_t time_ns); /* the ledger so far */
enum pv_res pv_capture_finish(struct pv_capture *, uint64_t time_ns, enum pv_res result);
bool pv_capture_stopped(struct pv_capture *);
/* Link type and filter of a pcap_t that has just been opened. 0, or -1 with c->error. */
int pv_capture_adopt(struct pv_capture *, bpf_u_int32 netmask);

/* ---- file.c, live.c: open sets c->pcap, or leaves a line in c->error; poll as pv_capture_poll() */
int pv_capture_open_file(struct pv_capture *);
enum pv_res pv_capture_poll_file(struct pv_capture *);
int pv_capture_open_live(struct pv_capture *, const char *wanted, const char *hosts);
/* Another worker of the interface that `first` has open. */
int pv_capture_open_worker(struct pv_capture *, const struct pv_capture *first);
/* All workers are there: their streams begin now. */
void pv_capture_begin(struct pv_capture *const workers[], unsigned n);
void pv_capture_close(struct pv_capture *); /* c->pcap, where it is open */
enum pv_res pv_capture_poll_live(struct pv_capture *);

#endif
