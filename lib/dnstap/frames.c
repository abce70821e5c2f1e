/* SPDX-License-Identifier: MPL-2.0 */
#include "dnstap/frames.h"

#include <string.h>

#include "base/cursor.h"

#define CONTENT_LEN (sizeof PV_FRAMES_CONTENT - 1)
#define CONTROL_HEAD 8 /* the escape, and the length */

void pv_frames_init(struct pv_frames *f, bool file, struct fstrm_control *control)
{
	memset(f, 0, sizeof *f);
	f->file = file;
	f->control = control;
}

const char *pv_frames_words(enum pv_frames_reason reason)
{
	static const char *const words[PV_FRAMES_REASONS] = {
		[PV_FRAMES_FINE] = "fine",
		[PV_FRAMES_START_ORDER] = "received START frame out of order, aborting",
		[PV_FRAMES_READY_ORDER] = "received READY frame but already started, aborting",
		[PV_FRAMES_CONTENT_TYPE] = "content type mismatch",
		[PV_FRAMES_NO_START] = "data frame without a START control frame",
		[PV_FRAMES_DATA_LONG] = "data frame too large",
		[PV_FRAMES_CONTROL_LONG] = "control frame too large",
		[PV_FRAMES_CONTROL_BAD] = "unable to parse control frame",
	};
	return words[reason < PV_FRAMES_REASONS ? reason : PV_FRAMES_FINE];
}

static enum pv_frames_result bad(struct pv_frames *f, enum pv_frames_reason why)
{
	f->reason = why;
	f->state = PV_FRAMES_OVER;
	return PV_FRAMES_BAD;
}

static bool ours(const struct fstrm_control *c)
{
	return fstrm_control_match_field_content_type(c, (const uint8_t *)PV_FRAMES_CONTENT, CONTENT_LEN) ==
	       fstrm_res_success;
}

static void answer(struct pv_frames *f, fstrm_control_type type)
{
	size_t n = sizeof f->reply;
	fstrm_control_reset(f->control);
	fstrm_control_set_type(f->control, type);
	if (type == FSTRM_CONTROL_ACCEPT)
		fstrm_control_add_field_content_type(f->control, (const uint8_t *)PV_FRAMES_CONTENT, CONTENT_LEN);
	if (fstrm_control_encode(f->control, f->reply, &n, FSTRM_CONTROL_FLAG_WITH_HEADER) == fstrm_res_success)
		f->reply_len = n;
}

static enum pv_frames_result on_ready(struct pv_frames *f)
{
	if (f->state != PV_FRAMES_NEW || f->file)
		return bad(f, PV_FRAMES_READY_ORDER);
	if (!ours(f->control))
		return bad(f, PV_FRAMES_CONTENT_TYPE);
	f->state = PV_FRAMES_READY;
	f->two_way = true;
	answer(f, FSTRM_CONTROL_ACCEPT);
	return PV_FRAMES_CONTROL;
}

static enum pv_frames_result on_start(struct pv_frames *f)
{
	if (f->state != PV_FRAMES_NEW && f->state != PV_FRAMES_READY)
		return bad(f, PV_FRAMES_START_ORDER);
	if (!ours(f->control))
		return bad(f, PV_FRAMES_CONTENT_TYPE);
	f->state = PV_FRAMES_RUNNING;
	f->began = true;
	return PV_FRAMES_CONTROL;
}

static enum pv_frames_result on_stop(struct pv_frames *f)
{
	f->state = f->file ? PV_FRAMES_NEW : PV_FRAMES_OVER;
	if (f->two_way)
		answer(f, FSTRM_CONTROL_FINISH);
	return PV_FRAMES_END;
}

static enum pv_frames_result control(struct pv_frames *f, const uint8_t *p, size_t n, size_t *used)
{
	fstrm_control_type type;
	if (n < CONTROL_HEAD)
		return PV_FRAMES_MORE;
	size_t len = pv_get32(p + PV_FRAMES_HEAD);
	if (len > PV_FRAMES_CONTROL_MAX)
		return bad(f, PV_FRAMES_CONTROL_LONG);
	if (n - CONTROL_HEAD < len)
		return PV_FRAMES_MORE;
	if (fstrm_control_decode(f->control, p + CONTROL_HEAD, len, 0) != fstrm_res_success ||
	    fstrm_control_get_type(f->control, &type) != fstrm_res_success)
		return bad(f, PV_FRAMES_CONTROL_BAD);
	enum pv_frames_result res = type == FSTRM_CONTROL_READY	  ? on_ready(f)
				    : type == FSTRM_CONTROL_START ? on_start(f)
				    : type == FSTRM_CONTROL_STOP  ? on_stop(f)
								  : PV_FRAMES_CONTROL; /* ours to send: ignored */
	if (res != PV_FRAMES_BAD)
		*used = CONTROL_HEAD + len;
	return res;
}

enum pv_frames_result pv_frames_next(struct pv_frames *f, const uint8_t *p, size_t n, size_t *used, const uint8_t **data,
				     size_t *len)
{
	*used = *len = 0;
	*data = NULL;
	if (f->state == PV_FRAMES_OVER)
		return f->reason ? PV_FRAMES_BAD : PV_FRAMES_END;
	if (n < PV_FRAMES_HEAD)
		return PV_FRAMES_MORE;
	size_t size = pv_get32(p);
	if (!size)
		return control(f, p, n, used);
	if (f->state != PV_FRAMES_RUNNING)
		return bad(f, PV_FRAMES_NO_START);
	if (size > PV_FRAMES_DATA_MAX)
		return bad(f, PV_FRAMES_DATA_LONG);
	if (n - PV_FRAMES_HEAD < size)
		return PV_FRAMES_MORE;
	*data = p + PV_FRAMES_HEAD;
	*len = size;
	*used = PV_FRAMES_HEAD + size;
	return PV_FRAMES_DATA;
}
