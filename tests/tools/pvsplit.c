/* SPDX-License-Identifier: MPL-2.0 */
/* pvsplit N A B < EVENTS - cut a stream behind every event of packet N into two whole streams; START, the
 * announcements and the definitions so far stand in both. For tests of merging. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stage/pipe.h"
#include "stage/stop.h"

struct split {
	struct pv_stage stage; /* its out is A */
	struct pv_out b;
	uint64_t at;
	bool second;
	uint64_t last_ns;
};

/* The packet an event was made from; 0: none. All analysers put it first. */
static uint64_t packet_of(const struct pv_event *ev)
{
	switch (ev->type) {
	case PV_EV_PACKET:
		return ((const struct pv_packet *)ev)->number;
	case PV_EV_NET:
	case PV_EV_DNS:
	case PV_EV_DHCP:
	case PV_EV_BGP:
	case PV_EV_TCP_ERROR:
		return ((const struct pv_net *)ev)->packet;
	default:
		return 0;
	}
}

static void batch(struct pv_stage *stage, const struct pv_event *first, size_t bytes)
{
	struct split *s = (struct split *)stage;
	const uint8_t *p = (const uint8_t *)first, *end = p + bytes;
	for (; p < end; p += ((const struct pv_event *)(const void *)p)->size) {
		const struct pv_event *ev = (const void *)p;
		if (packet_of(ev) > s->at)
			s->second = true;
		if (ev->type == PV_EV_STOP) {
			pv_stop_emit(&s->stage.out, s->last_ns, NULL, 0);
			pv_stop_emit(&s->b, ev->time_ns, NULL, 0);
			continue;
		}
		bool both = ev->type == PV_EV_START || ev->type == PV_EV_STAGE || ev->type == PV_EV_DEFINE;
		if (both || !s->second) {
			pv_out_pass(&s->stage.out, ev, ev->size);
			s->last_ns = ev->time_ns;
		}
		if (both || s->second)
			pv_out_pass(&s->b, ev, ev->size);
	}
	pv_out_flush(&s->b);
}

static void done(struct pv_stage *stage, bool cut)
{
	(void)cut;
	pv_out_flush(&((struct split *)stage)->b);
}

int main(int argc, char **argv)
{
	static const struct pv_stage_ops ops = {"split", batch, done, NULL};
	static struct split s = {.stage.ops = &ops};
	if (argc != 4)
		return 2;
	s.at = strtoull(argv[1], NULL, 10);
	int a = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0666), b = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (a < 0 || b < 0 || pv_out_init(&s.stage.out, pv_sink_fd(a)) || pv_out_init(&s.b, pv_sink_fd(b)))
		return 1;
	struct pv_pipe_end end = pv_pipe_run(&s.stage, STDIN_FILENO, -1);
	pv_out_free(&s.stage.out);
	pv_out_free(&s.b);
	return end.in == PV_END && end.out == PV_OK && s.b.res == PV_OK ? 0 : 1;
}
