/* SPDX-License-Identifier: MPL-2.0 */
#include "capture/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES (256 * 1024) /* per read(): one is then some 2,000 packets */

/* Before we wait for a slow writer, what we have goes out. False: we were told to stop. */
static bool wait_input(struct pv_capture *c)
{
	struct pollfd fds[3] = {
		{c->fd, POLLIN, 0},
		{c->stop_event, POLLIN, 0},
		{c->conf.stop_fd > 0 ? c->conf.stop_fd : -1, POLLIN, 0},
	};
	int timeout = 0;
	for (;;) {
		int n = poll(fds, 3, timeout);
		if (n < 0 && errno != EINTR)
			return true; /* read() will tell */
		if (n > 0) {
			if (fds[1].revents || fds[2].revents)
				atomic_store(&c->stop, true);
			return !atomic_load(&c->stop);
		}
		if (c->out)
			pv_out_flush(c->out);
		timeout = -1;
	}
}

/* libpcap reads through stdio; this is the bottom of that FILE. */
static ssize_t cookie_read(void *cookie, char *to, size_t n)
{
	struct pv_capture *c = cookie;
	ssize_t got;
	do {
		if (c->waits && !wait_input(c))
			return 0;
		got = read(c->fd, to, n);
	} while (got < 0 && (errno == EINTR || errno == EAGAIN));
	if (got > 0)
		c->bytes_read += (uint64_t)got;
	return got;
}

static int cookie_close(void *cookie)
{
	struct pv_capture *c = cookie;
	if (c->fd > STDERR_FILENO)
		close(c->fd);
	c->fd = -1;
	return 0;
}

static int cannot(struct pv_capture *c, const char *why)
{
	snprintf(c->error, sizeof c->error, "cannot read '%s': %s", c->file, why);
	return -1;
}

int pv_capture_open_file(struct pv_capture *c)
{
	struct stat st;
	char why[PCAP_ERRBUF_SIZE];
	c->fd = strcmp(c->file, "-") ? open(c->file, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	if (c->fd < 0)
		return cannot(c, strerror(errno));
	if (!fstat(c->fd, &st)) {
		if (S_ISREG(st.st_mode))
			c->bytes_total = (uint64_t)st.st_size;
		else
			c->waits = true;
	}
	/* A pipe is read through our own function, because a wait must be interruptible. A regular file is not: stdio copies
	 * the small pieces that libpcap asks for byte by byte out of the former (25 ns a packet). */
	FILE *f = c->waits ? fopencookie(c, "r", (cookie_io_functions_t){.read = cookie_read, .close = cookie_close})
			   : fdopen(c->fd, "r");
	if (!f) {
		cookie_close(c);
		return cannot(c, strerror(errno));
	}
	c->io = malloc(READ_BYTES);
	if (c->io)
		setvbuf(f, c->io, _IOFBF, READ_BYTES);
	__fsetlocking(f, FSETLOCKING_BYCALLER); /* one thread reads it */
	c->pcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!c->pcap) {
		fclose(f);
		/* told to stop before the header came: an empty stream */
		return pv_capture_stopped(c) ? 0 : cannot(c, why);
	}
	return pv_capture_adopt(c, PCAP_NETMASK_UNKNOWN);
}

static enum pv_res end(struct pv_capture *c, enum pv_res result)
{
	if (!c->started)
		pv_capture_start_stream(c, PV_CLOCK_RECORDED, 0);
	return pv_capture_finish(c, c->time_ns, result);
}

enum pv_res pv_capture_poll_file(struct pv_capture *c)
{
	if (pv_capture_stopped(c))
		return end(c, PV_END);
	int n = pcap_dispatch(c->pcap, PV_CAPTURE_BATCH, pv_capture_packet, (u_char *)c);
	if (!c->waits) {
		off_t at = lseek(c->fd, 0, SEEK_CUR);
		c->bytes_read = at > 0 ? (uint64_t)at : 0;
	}
	if (c->done || n == 0)
		return end(c, PV_END);
	if (n > 0)
		return PV_OK;
	if (pv_capture_stopped(c))
		return end(c, PV_END);
	cannot(c, pcap_geterr(c->pcap));
	return end(c, PV_FAIL);
}
