/* SPDX-License-Identifier: MPL-2.0 */
/* base/res.h - results that are not errors of ours.
 *
 * Four kinds of failure, four mechanisms: a packet that is short or lies is a value and a
 * counter; a failed system call is PV_FAIL with errno; "later" and "over" are results; our own
 * bugs are assert(). Nothing in lib/ prints, exits or installs a signal handler. */
#ifndef PV_BASE_RES_H
#define PV_BASE_RES_H

enum pv_res {
	PV_OK,    /* done, go on */
	PV_AGAIN, /* nothing now; come back */
	PV_END,   /* the stream is over, as its writer said */
	PV_CUT,   /* the input ended in the middle: the writer died */
	PV_BAD,   /* bytes that break the format; what was good has been handed on */
	PV_STOP,  /* the reader of our output has gone (EPIPE): end quietly */
	PV_FAIL,  /* a system call failed, see errno */
};

/* Exit codes of every program. */
enum pv_exit {
	PV_EXIT_OK = 0,     /* done */
	PV_EXIT_FAILED = 1, /* could not do it */
	PV_EXIT_USAGE = 2,  /* asked for wrongly */
	PV_EXIT_CUT = 3,    /* the input ended without its end mark, or was damaged */
};

#endif
