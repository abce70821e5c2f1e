/* SPDX-License-Identifier: MPL-2.0 */
/* pvdrain PACKETS - captures on lo, sends itself so many packets, is told to stop, and is slow in taking what waits in the ring,
 * as on a machine that is busy. Prints "sent N received N dropped N": all that came before it was told is to be there. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/capture.h"

#define SLOW_US 200000 /* more than an end waits for packets */

struct seen {
	unsigned long packets;
	bool slow;
};

static enum pv_res take(void *ctx, const struct iovec *iov, int n)
{
	struct seen *s = ctx;
	for (int i = 0; i < n; i++) {
		const uint8_t *at = iov[i].iov_base, *end = at + iov[i].iov_len;
		for (; at < end; at += ((const struct pv_event *)(const void *)at)->size)
			s->packets += ((const struct pv_event *)(const void *)at)->type == PV_EV_PACKET;
	}
	if (s->slow && s->packets)
		usleep(SLOW_US);
	return PV_OK;
}

static void send_all(unsigned long n)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (unsigned long i = 0; i < n; i++)
		while (sendto(fd, &i, sizeof i, 0, (const void *)&to, sizeof to) < 0)
			; /* no room for a moment */
	close(fd);
}

int main(int argc, char **argv)
{
	unsigned long n = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	const struct pv_capture_conf conf = {.iface = "lo", .bpf = "udp dst port 9"};
	struct seen seen = {0, true};
	struct pv_capture_status st;
	struct pv_out out;
	char err[256];
	struct pv_capture *c = pv_capture_open(&conf, err, sizeof err);
	if (!n || !c || pv_out_init(&out, (struct pv_sink){.write = take, .ctx = &seen})) {
		fprintf(stderr, "pvdrain: %s\n", c ? "usage: pvdrain PACKETS" : err);
		return 1;
	}
	pv_capture_poll(c, &out); /* START */
	send_all(n);
	pv_capture_stop(c);
	enum pv_res res;
	do
		res = pv_capture_poll(c, &out);
	while (res == PV_OK || res == PV_AGAIN);
	seen.slow = false;
	pv_out_flush(&out);
	pv_capture_status(c, &st);
	printf("sent %lu received %lu dropped %lu\n", n, seen.packets, (unsigned long)st.os_drops);
	pv_out_free(&out);
	pv_capture_free(c);
	return res != PV_END;
}
