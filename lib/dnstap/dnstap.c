/* SPDX-License-Identifier: MPL-2.0 */
#include "dnstap/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/random.h"
#include "base/version.h"
#include "stage/start.h"
#include "stage/stop.h"

uint64_t pv_dnstap_clock(bool wall)
{
	struct timespec t;
	clock_gettime(wall ? CLOCK_REALTIME : CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * PV_DNSTAP_NS + (uint64_t)t.tv_nsec;
}

void pv_dnstap_tell(struct pv_dnstap_source *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(s->notice, sizeof s->notice, fmt, ap);
	va_end(ap);
	s->noticed = true;
}

/* ---- frames to events ----------------------------------------------------------------------------- */

static bool wanted(const struct pv_dnstap_source *s, const struct pv_dnstap *e)
{
	return !s->conf.only_hosts || pv_hosts_has(s->conf.only_hosts, e->query_addr, e->l3) ||
	       pv_hosts_has(s->conf.only_hosts, e->response_addr, e->l3);
}

static void refuse(struct pv_dnstap_source *s, enum pv_dnstap_reason why)
{
	s->reasons[why]++;
	if (why == PV_DNSTAP_OTHER_TYPE || why == PV_DNSTAP_UNKNOWN_TYPE)
		s->unsupported++;
	else
		s->malformed++;
}

static void emit(struct pv_dnstap_source *s, const struct pv_dnstap_facts *f, uint8_t stamp)
{
	struct pv_dnstap *e = pv_out_reserve(s->out, sizeof *e + f->ev.payload_len + f->identity_len);
	size_t at = sizeof *e;
	*e = f->ev;
	e->number = s->received;
	e->stamp = stamp;
	if (f->identity_len) {
		e->identity = (struct pv_ref){(uint16_t)at, (uint16_t)f->identity_len};
		memcpy((uint8_t *)e + at, f->identity, f->identity_len);
		at += f->identity_len;
	}
	if (e->payload_len) {
		e->payload_off = (uint16_t)at;
		memcpy((uint8_t *)e + at, f->payload, e->payload_len);
		at += e->payload_len;
	}
	pv_out_commit(s->out, PV_EV_DNSTAP, at, s->time_ns);
	s->analysed++;
}

void pv_dnstap_frame(struct pv_dnstap_source *s, const uint8_t *frame, size_t n, uint64_t arrival_ns)
{
	struct pv_dnstap_facts f;
	enum pv_dnstap_reason why = pv_dnstap_decode(s->decoder, frame, n, &f);
	uint64_t time_ns = arrival_ns ? arrival_ns : f.time_ns ? f.time_ns : s->time_ns;
	if (!why && !s->started) {
		pv_dnstap_begin(s, PV_CLOCK_RECORDED, time_ns);
		if (s->conf.duration_ns && s->conf.duration_ns < UINT64_MAX - time_ns)
			s->deadline_ns = time_ns + s->conf.duration_ns;
	}
	if (!why && !arrival_ns && time_ns >= s->deadline_ns) {
		s->done = true;
		return;
	}
	s->received++;
	s->done |= s->received == s->conf.count;
	uint8_t stamp = (uint8_t)pv_random_below(&s->stamps, 100);
	if (why) {
		refuse(s, why);
		return;
	}
	s->time_ns = time_ns;
	if (wanted(s, &f.ev)) {
		emit(s, &f, stamp);
		return;
	}
	s->filtered++;
	if (!arrival_ns)
		pv_out_event(s->out, PV_EV_TICK, sizeof(struct pv_event), time_ns);
}

/* ---- START and STOP ------------------------------------------------------------------------------- */

void pv_dnstap_begin(struct pv_dnstap_source *s, enum pv_clock clock, uint64_t time_ns)
{
	const struct pv_start_conf conf = {.clock = clock,
					   .stream_id = s->conf.stream_id,
					   .producer = s->producer,
					   .source = s->from,
					   .type = "dnstap"};
	pv_start_emit(s->out, &conf, time_ns);
	s->started = true;
	s->time_ns = time_ns;
}

#define LEDGER_ROWS (10 + PV_DNSTAP_REASONS)

static size_t ledger(const struct pv_dnstap_source *s, struct pv_ledger_row rows[LEDGER_ROWS])
{
	const struct pv_ledger_row sums[] = {
		{0, PV_LEDGER_RECEIVED, 0, s->received},
		{0, PV_LEDGER_ANALYSED, 0, s->analysed},
		{0, PV_LEDGER_FILTERED, 0, s->filtered},
		{0, PV_LEDGER_MALFORMED, 0, s->malformed},
		{0, PV_LEDGER_UNSUPPORTED, 0, s->unsupported},
	};
	size_t n = sizeof sums / sizeof sums[0];
	const struct pv_ledger_row clients[] = {
		{0, PV_LEDGER_CLIENTS, 0, s->clients},
		{0, PV_LEDGER_CLIENTS_REFUSED, 0, s->refused},
		{0, PV_LEDGER_CLIENTS_EVICTED, 0, s->evicted},
		{0, PV_LEDGER_CLIENTS_IDLE, 0, s->idle},
		{0, PV_LEDGER_CLIENTS_BAD, 0, s->bad},
	};
	memcpy(rows, sums, sizeof sums);
	for (size_t i = 0; s->server && i < sizeof clients / sizeof clients[0]; i++)
		rows[n++] = clients[i];
	return pv_ledger_reasons(rows, n, LEDGER_ROWS, s->reasons, PV_DNSTAP_REASONS);
}

void pv_dnstap_ledger(struct pv_dnstap_source *s, uint64_t time_ns)
{
	struct pv_ledger_row rows[LEDGER_ROWS];
	pv_ledger_emit(s->out, time_ns, rows, ledger(s, rows));
}

enum pv_res pv_dnstap_finish(struct pv_dnstap_source *s, uint64_t time_ns, enum pv_res result)
{
	struct pv_ledger_row rows[LEDGER_ROWS];
	pv_stop_emit(s->out, time_ns, rows, ledger(s, rows));
	s->over = true;
	return s->result = result;
}

/* ---- opening -------------------------------------------------------------------------------------- */

bool pv_dnstap_address(const char *text, char *host, size_t hostcap, uint16_t *port, char *err, size_t errcap)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	bool v6 = n > 2 && text[0] == '[' && text[n - 1] == ']';
	uint64_t value;
	if (!n || (memchr(text, ':', n) && !v6) || n >= hostcap) {
		snprintf(err, errcap, "invalid tcp address specification, use HOST:PORT");
		return false;
	}
	if (!pv_parse_u64(colon + 1, &value) || value > UINT16_MAX) {
		snprintf(err, errcap, "unable to parse tcp address specification, use HOST:PORT");
		return false;
	}
	text += v6;
	n -= v6 ? 2u : 0;
	memcpy(host, text, n);
	host[n] = '\0';
	*port = (uint16_t)value;
	return true;
}

static char *copy(const char *text, bool *failed)
{
	char *to = text ? strdup(text) : NULL;
	*failed |= text && !to;
	return to;
}

static int configure(struct pv_dnstap_source *s, const struct pv_dnstap_conf *conf)
{
	bool failed = false;
	s->conf = *conf;
	s->fd = s->wake[0] = s->wake[1] = -1;
	s->stamps = conf->seed ? conf->seed : PV_DNSTAP_SEED;
	s->deadline_ns = UINT64_MAX;
	s->file = copy(conf->file, &failed);
	s->socket = copy(conf->socket, &failed);
	s->tcp = copy(conf->tcp, &failed);
	s->producer = copy(conf->producer ? conf->producer : "pv-dnstap " PV_VERSION, &failed);
	s->decoder = pv_dnstap_decoder_new();
	s->control = fstrm_control_init();
	s->io = malloc(PV_DNSTAP_IO);
	if (failed || !s->decoder || !s->control || !s->io || pipe2(s->wake, O_CLOEXEC | O_NONBLOCK)) {
		snprintf(s->error, sizeof s->error, "cannot start: %s", strerror(errno));
		return -1;
	}
	if (!conf->file + !conf->socket + !conf->tcp != 2) {
		snprintf(s->error, sizeof s->error, "one of a file, a socket and a TCP address is wanted");
		return -1;
	}
	if (conf->clients_max > PV_DNSTAP_CLIENTS_MAX) {
		snprintf(s->error, sizeof s->error, "more than %u clients", PV_DNSTAP_CLIENTS_MAX);
		return -1;
	}
	return 0;
}

struct pv_dnstap_source *pv_dnstap_open(const struct pv_dnstap_conf *conf, char *err, size_t cap)
{
	struct pv_dnstap_source *s = calloc(1, sizeof *s);
	if (!s) {
		snprintf(err, cap, "cannot start: %s", strerror(errno));
		return NULL;
	}
	int bad = configure(s, conf);
	if (!bad)
		bad = s->file ? pv_dnstap_open_file(s) : pv_dnstap_open_server(s);
	if (bad) {
		snprintf(err, cap, "%s", s->error);
		pv_dnstap_free(s);
		return NULL;
	}
	return s;
}

void pv_dnstap_free(struct pv_dnstap_source *s)
{
	if (!s)
		return;
	pv_dnstap_close_file(s);
	pv_dnstap_close_server(s);
	for (int i = 0; i < 2; i++)
		if (s->wake[i] >= 0)
			close(s->wake[i]);
	if (s->control)
		fstrm_control_destroy(&s->control);
	pv_dnstap_decoder_free(s->decoder);
	free(s->io);
	free(s->file);
	free(s->socket);
	free(s->tcp);
	free(s->producer);
	free(s);
}

/* ---- running -------------------------------------------------------------------------------------- */

void pv_dnstap_stop(struct pv_dnstap_source *s)
{
	int saved = errno;
	atomic_store(&s->stop, true);
	ssize_t n = write(s->wake[1], "", 1); /* wakes whoever waits; a full pipe does so too */
	(void)n;
	errno = saved;
}

bool pv_dnstap_stopped(struct pv_dnstap_source *s)
{
	struct pollfd fd = {s->conf.stop_fd, POLLIN, 0};
	if (s->conf.stop_fd > 0 && poll(&fd, 1, 0) > 0)
		atomic_store(&s->stop, true);
	return atomic_load(&s->stop);
}

enum pv_res pv_dnstap_poll(struct pv_dnstap_source *s, struct pv_out *out)
{
	if (s->over)
		return s->result;
	s->out = out;
	enum pv_res res = s->file ? pv_dnstap_poll_file(s) : pv_dnstap_poll_server(s);
	s->out = NULL;
	if (out->res != PV_OK) {
		if (out->res == PV_FAIL)
			snprintf(s->error, sizeof s->error, "cannot write: %s", strerror(out->error));
		s->over = true;
		res = s->result = out->res;
	}
	return res;
}

const char *pv_dnstap_error(const struct pv_dnstap_source *s)
{
	return s->error;
}

const char *pv_dnstap_from(const struct pv_dnstap_source *s)
{
	return s->from;
}

void pv_dnstap_status(const struct pv_dnstap_source *s, struct pv_dnstap_status *to)
{
	*to = (struct pv_dnstap_status){
		.frames = s->received,
		.filtered = s->filtered,
		.malformed = s->malformed,
		.unsupported = s->unsupported,
		.clients = s->clients,
		.refused = s->refused,
		.evicted = s->evicted,
		.idle = s->idle,
		.bad = s->bad,
		.bytes_read = s->bytes_read,
		.bytes_total = s->bytes_total,
	};
	pv_dnstap_server_status(s, to);
}

const char *pv_dnstap_notice(struct pv_dnstap_source *s)
{
	if (!s->noticed)
		return NULL;
	s->noticed = false;
	return s->notice;
}
