/* SPDX-License-Identifier: MPL-2.0 */
/* dnstap/frames.h - Frame Streams, the reading side: bytes of a file or of a connection become frames.
 *
 *   data frame      length:be32 (not 0), payload
 *   control frame   0:be32, length:be32, type:be32, fields
 *
 *   file, one-way socket    START data* STOP
 *   two-way socket          READY ->, <- ACCEPT, START data* STOP ->, <- FINISH
 *
 * A state machine over a buffer of the caller's: it takes a whole frame from the front or says that more bytes are needed,
 * so bytes may come in pieces of any size. It does no input or output; an answer that is due is left in `reply`. Control
 * frames are libfstrm's to decode and encode. The library's own reader is not used, because it blocks, and a server has a
 * thousand writers.
 *
 * A READY may offer several content types; one that is ours will do, and ACCEPT names it. A control frame without any is
 * taken to mean ours. In a file another START may follow STOP (`cat a b`).
 *
 * Ownership: data points into the caller's buffer. Threads: one; several connections of a thread may share `control`.
 * Limits: PV_FRAMES_DATA_MAX, PV_FRAMES_CONTROL_MAX; what is longer is an error, before its bytes are waited for.
 * Source: the documentation of farsightsec/fstrm. */
#ifndef PV_DNSTAP_FRAMES_H
#define PV_DNSTAP_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fstrm.h>

#define PV_FRAMES_CONTENT "protobuf:dnstap.Dnstap"
#define PV_FRAMES_DATA_MAX (1u << 20)  /* what fstrm's reader allows; sixteen times the longest DNS message */
#define PV_FRAMES_CONTROL_MAX 512u     /* FSTRM_CONTROL_FRAME_LENGTH_MAX */
#define PV_FRAMES_HEAD 4               /* bytes in front of a data frame */

enum pv_frames_state { PV_FRAMES_NEW, PV_FRAMES_READY, PV_FRAMES_RUNNING, PV_FRAMES_OVER };

/* Why a stream is refused; the words are pv_frames_words(). */
enum pv_frames_reason {
	PV_FRAMES_FINE,
	PV_FRAMES_START_ORDER, /* START while data runs */
	PV_FRAMES_READY_ORDER, /* READY, but not as the first thing */
	PV_FRAMES_CONTENT_TYPE,
	PV_FRAMES_NO_START, /* data before START, or after STOP */
	PV_FRAMES_DATA_LONG,
	PV_FRAMES_CONTROL_LONG,
	PV_FRAMES_CONTROL_BAD, /* a control frame that cannot be parsed */
	PV_FRAMES_REASONS
};

struct pv_frames {
	enum pv_frames_state state;
	enum pv_frames_reason reason;
	bool file;
	bool two_way;
	bool began; /* there was a START */
	struct fstrm_control *control; /* borrowed: scratch of the decoder */
	uint8_t reply[64];
	size_t reply_len; /* to be sent, then set to 0 */
};

enum pv_frames_result {
	PV_FRAMES_MORE,    /* no whole frame yet: come again with these bytes and more */
	PV_FRAMES_DATA,    /* a payload */
	PV_FRAMES_CONTROL, /* a control frame was dealt with */
	PV_FRAMES_END,     /* STOP; of a file: another stream may follow */
	PV_FRAMES_BAD,     /* reason says why; nothing more can be read */
};

void pv_frames_init(struct pv_frames *, bool file, struct fstrm_control *);

/* One frame from the front of [p, p + n). *used: how much of it was taken (0 with MORE and BAD). */
enum pv_frames_result pv_frames_next(struct pv_frames *, const uint8_t *p, size_t n, size_t *used, const uint8_t **data,
				     size_t *len);

const char *pv_frames_words(enum pv_frames_reason);

#endif
