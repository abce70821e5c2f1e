/* SPDX-License-Identifier: MPL-2.0 */
#include "tool/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "packet/hosts.h"

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void line(const struct pv_capture_status *s, int64_t from_ms, uint64_t from_packets, int64_t now, const char *end)
{
	double secs = (double)(now - from_ms) / 1000;
	double rate = secs > 0 ? (double)(s->packets - from_packets) / secs : 0;
	fprintf(stderr, "\rprocessed %" PRIu64 " packets (%.0f/s", s->packets, rate);
	if (s->bytes_total)
		fprintf(stderr, ", %.0f %%", 100.0 * (double)s->bytes_read / (double)s->bytes_total);
	fprintf(stderr, ")\033[K%s", end);
}

void pv_progress_step(struct pv_progress *p, const struct pv_capture_status *s)
{
	if (p->tty < 0)
		p->tty = isatty(STDERR_FILENO);
	if (!p->tty)
		return;
	int64_t now = now_ms();
	if (!p->start_ms)
		p->start_ms = p->last_ms = now;
	if (now - p->last_ms < 1000)
		return;
	line(s, p->last_ms, p->last_packets, now, "");
	p->last_packets = s->packets;
	p->last_ms = now;
}

void pv_progress_end(struct pv_progress *p, const struct pv_capture_status *s)
{
	if (p->tty > 0 && p->last_ms != p->start_ms)
		line(s, p->start_ms, 0, now_ms(), "\n");
}

void pv_progress_effective(const struct pv_program *prog, const struct pv_capture *c)
{
	size_t n;
	const struct pv_subnet *net = pv_capture_hosts(c, &n);
	pv_tool_say(prog, "source %s, link type %s", pv_capture_source(c), pv_capture_link(c));
	if (!n)
		pv_tool_say(prog, "host subnets: none, so every direction is unknown");
	for (size_t i = 0; i < n; i++) {
		char text[PV_SUBNET_TEXT];
		pv_subnet_text(&net[i], text);
		pv_tool_say(prog, "host subnet %s", text);
	}
}
