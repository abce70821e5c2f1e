/* SPDX-License-Identifier: MPL-2.0 */
/* pvworkers WORKERS ROUNDS - opens lo for so many workers (pv_capture_open_split()) in the middle of traffic,
 * again and again: numbered packets of 64 flows. From the first that any worker has to the last, each number
 * must be there once, and a flow be in one worker.
 *
 * Prints "seen N twice N missing N strayed N idle N lost N": packets; numbers seen twice, and not at all;
 * packets that another worker had than the first of their flow; workers that had none; what the kernel says
 * it dropped. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "capture/capture.h"

#define FLOWS	 64
#define PORT	 20000
#define NUMBERS	 (1u << 24)
#define BURST	 300
#define PAUSE_NS 100000
#define AHEAD	 20000 /* sent and not taken yet: less than a ring has room for, however busy the machine is */
#define WAITS	 1000  /* of PAUSE_NS, for those who take; between rounds there are none */
#define POLLS	 4 /* of up to PV_CAPTURE_WAIT_MS, each worker */
#define UNKNOWN	 UINT8_MAX

static struct {
	atomic_bool stop;
	uint8_t seen[NUMBERS];
	uint32_t first, last;
	atomic_uint_least32_t taken; /* the newest */
	uint8_t worker[FLOWS]; /* of a flow */
	unsigned long packets, strayed, idle, twice, missing, lost;
} t;

static int bound(uint16_t port)
{
	const struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const void *)&a, sizeof a)) {
		perror("bind");
		exit(1);
	}
	return fd;
}

/* To a port whose payload is carried; its owner never reads. */
static void *sender(void *arg)
{
	const struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const struct timespec pause = {0, PAUSE_NS};
	int fd[FLOWS];
	(void)arg;
	bound(53);
	for (unsigned i = 0; i < FLOWS; i++)
		fd[i] = bound((uint16_t)(PORT + i));
	for (uint32_t n = 0; n < NUMBERS && !atomic_load(&t.stop); n++) {
		sendto(fd[n % FLOWS], &n, sizeof n, 0, (const void *)&to, sizeof to);
		if (n % BURST)
			continue;
		unsigned waits = 0;
		do
			nanosleep(&pause, NULL);
		while (n - atomic_load(&t.taken) > AHEAD && ++waits < WAITS && !atomic_load(&t.stop));
	}
	return NULL;
}

struct taker {
	uint8_t number;
	unsigned long packets;
};

static void take(struct taker *k, const struct pv_packet *p)
{
	uint32_t n;
	if (p->payload_len != sizeof n || p->sport < PORT || p->sport >= PORT + FLOWS)
		return;
	memcpy(&n, (const uint8_t *)p + p->payload_off, sizeof n);
	uint8_t *worker = &t.worker[p->sport - PORT];
	if (*worker == UNKNOWN)
		*worker = k->number;
	t.strayed += *worker != k->number;
	t.seen[n % NUMBERS]++;
	if (n < t.first)
		t.first = n;
	if (n > t.last)
		t.last = n;
	atomic_store(&t.taken, t.last);
	k->packets++;
}

static enum pv_res write_events(void *ctx, const struct iovec *iov, int n)
{
	for (int i = 0; i < n; i++) {
		const uint8_t *at = iov[i].iov_base, *end = at + iov[i].iov_len;
		for (; at < end; at += ((const struct pv_event *)(const void *)at)->size)
			if (((const struct pv_event *)(const void *)at)->type == PV_EV_PACKET)
				take(ctx, (const void *)at);
	}
	return PV_OK;
}

static void poll_all(struct pv_capture *c[], struct pv_out out[], unsigned workers, unsigned times)
{
	for (unsigned k = 0; k < times; k++)
		for (unsigned i = 0; i < workers; i++) {
			pv_capture_poll(c[i], &out[i]);
			pv_out_drain(&out[i]);
		}
}

static void round_of(unsigned workers)
{
	const struct pv_capture_conf conf = {.iface = "lo", .bpf = "udp"};
	struct pv_capture *c[PV_CAPTURE_WORKERS];
	struct pv_out out[PV_CAPTURE_WORKERS];
	struct taker taker[PV_CAPTURE_WORKERS];
	char err[256];
	memset(t.seen, 0, sizeof t.seen);
	memset(t.worker, UNKNOWN, sizeof t.worker);
	t.first = UINT32_MAX;
	t.last = 0;
	if (pv_capture_open_split(&conf, workers, c, err, sizeof err)) {
		fprintf(stderr, "%s\n", err);
		exit(1);
	}
	for (unsigned i = 0; i < workers; i++) {
		taker[i] = (struct taker){(uint8_t)i, 0};
		if (pv_out_init(&out[i], (struct pv_sink){.write = write_events, .ctx = &taker[i]}))
			exit(1);
	}
	poll_all(c, out, workers, POLLS);
	for (unsigned i = 0; i < workers; i++)
		pv_capture_stop(c[i]);
	uint32_t until = t.last; /* what comes while one after the other ends is not of interest */
	poll_all(c, out, workers, 1);
	for (unsigned i = 0; i < workers; i++) {
		struct pv_capture_status s;
		pv_capture_status(c[i], &s);
		t.lost += s.os_drops;
		t.packets += taker[i].packets;
		t.idle += !taker[i].packets;
		pv_out_free(&out[i]);
		pv_capture_free(c[i]);
	}
	for (uint32_t n = t.first; n <= until; n++) {
		t.twice += t.seen[n % NUMBERS] > 1;
		t.missing += !t.seen[n % NUMBERS];
	}
}

int main(int argc, char **argv)
{
	unsigned workers = argc == 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0,
		 rounds = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	pthread_t thread;
	if (workers < 2 || workers > PV_CAPTURE_WORKERS || pthread_create(&thread, NULL, sender, NULL))
		return 2;
	while (rounds--)
		round_of(workers);
	atomic_store(&t.stop, true);
	pthread_join(thread, NULL);
	printf("seen %lu twice %lu missing %lu strayed %lu idle %lu lost %lu\n", t.packets, t.twice,
	       t.missing, t.strayed, t.idle, t.lost);
	return 0;
}
