/* SPDX-License-Identifier: MPL-2.0 */
/* mock/mock.h - a source that makes its stream up: for trying a pipeline without privileges, and for tests.
 *
 *   START, STAGE 0, then PACKET ... STATS ..., TICK ..., STOP; a live stream
 *
 * PV_MOCK_PACKETS  every 100 ms a frame of mock/frame.h, decoded by packet/decode.h like any other, as from an interface
 *                  (stage "pcap"); STATS every second. Packets are the same in every run, but for their times.
 *                  The direction is the one that was made: START names the made-up host as the only one of ours.
 * PV_MOCK_EMPTY    nothing but time (stage "mock"): a TICK every second. It is what policies are tried on where no traffic
 *                  is wanted.
 *
 * Used as capture/capture.h: poll again and again from one thread with the same out, flush after each. A packet that is
 * late is made once it can be; those that were missed meanwhile are not made up for.
 *
 * Ownership: conf is copied, with its strings. Threads: one at a time; pv_mock_stop() from any thread or signal handler.
 * Errors: one line of text. Limits: a poll waits for PV_MOCK_WAIT_MS at most, and makes one packet. */
#ifndef PV_MOCK_MOCK_H
#define PV_MOCK_MOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/res.h"
#include "stage/out.h"

#define PV_MOCK_WAIT_MS 25 /* as PV_CAPTURE_WAIT_MS */
#define PV_MOCK_INTERVAL_NS UINT64_C(100000000)
#define PV_MOCK_SEED UINT64_C(0x70762d6d6f636b) /* packets and stamps are the same in every run */

enum pv_mock_kind { PV_MOCK_PACKETS, PV_MOCK_EMPTY };

struct pv_mock_conf {
	enum pv_mock_kind kind;
	bool fail;             /* opening fails with "mock error on start" */
	uint64_t interval_ns;  /* between packets; 0: PV_MOCK_INTERVAL_NS */
	uint64_t seed;         /* 0: PV_MOCK_SEED */
	uint64_t duration_ns;  /* end after this much time; 0: never */
	uint64_t count;        /* end after this many packets; 0: never */
	uint64_t stream_id;    /* 0: a random one */
	const char *producer;  /* program and version for START; NULL: "pv-capture" and ours */
	int stop_fd;           /* when readable, the stream ends, as by pv_mock_stop(); 0: none */
};

struct pv_mock;

/* NULL with a line in err. */
struct pv_mock *pv_mock_open(const struct pv_mock_conf *, char *err, size_t errcap);
void pv_mock_free(struct pv_mock *);

/* One step.
 * PV_OK     there was something; go on at once.
 * PV_AGAIN  nothing for PV_MOCK_WAIT_MS.
 * PV_END    STOP has been put out: done.
 * PV_STOP   nobody reads our output any more.
 * PV_FAIL   the output cannot be written; errno says why.
 * After the last three, further calls repeat the answer. */
enum pv_res pv_mock_poll(struct pv_mock *, struct pv_out *);

/* One of the next polls ends the stream. Async-signal-safe. */
void pv_mock_stop(struct pv_mock *);

uint64_t pv_mock_packets(const struct pv_mock *); /* made until now */

#endif
