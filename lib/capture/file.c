/* SPDX-License-Identifier: MPL-2.0 */
#include "capture/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"

#define READ_BYTES (128 * 1024) /* per read(): one is then some 1,000 packets, and stays in the cache until they are done */

static int cannot(struct pv_capture *c, const char *why)
{
	snprintf(c->error, sizeof c->error, "cannot read '%s': %s", c->file, why);
	return -1;
}

/* ---- what libpcap reads -------------------------------------------------------------------------- */

/* For the writer of a pipe. False: we were told to stop. */
static bool wait_input(struct pv_capture *c)
{
	const int stop[2] = {c->stop_event, c->conf.stop_fd > 0 ? c->conf.stop_fd : -1};
	if (!pv_out_wait(c->out, c->fd, stop))
		atomic_store(&c->stop, true);
	return !atomic_load(&c->stop);
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

/* ---- what we read ourselves ----------------------------------------------------------------------
 * A regular file in the classic format and this machine's byte order, as nearly all are. libpcap opens it, so that
 * everything about the header (link type, precision, versions) is its business; the records behind it are four numbers
 * and the frame, and to look at them where they lie in a large buffer costs a quarter of what two fread() a packet do.
 * Source: draft-ietf-opsawg-pcap. Swapped files, pcapng, and anything that is not a regular file stay with libpcap. */

#define HEADER_BYTES 24
#define RECORD_BYTES (sizeof(struct record) + PV_CAPTURE_SNAPLEN) /* the longest record */

struct record {
	int32_t sec; /* signed, as libpcap has it */
	int32_t frac;
	uint32_t cap_len, len;
};

/* ns in a record's fraction of a second; 0: not such a file. */
static int records_of(int fd)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
	} h;
	if (lseek(fd, 0, SEEK_CUR) || pread(fd, &h, sizeof h, 0) != sizeof h || h.major != 2 || h.minor != 4)
		return 0;
	return h.magic == 0xa1b2c3d4 ? 1000 : h.magic == 0xa1b23c4d ? 1 : 0;
}

/* At least n bytes behind io_at, or as many as there are. -1: reading failed. */
static int fill(struct pv_capture *c, size_t n)
{
	while (c->io_len - c->io_at < n) {
		memmove(c->io, c->io + c->io_at, c->io_len - c->io_at);
		c->io_len -= c->io_at;
		c->io_at = 0;
		ssize_t got = read(c->fd, c->io + c->io_len, READ_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -1 : 0;
		c->io_len += (size_t)got;
		c->bytes_read += (uint64_t)got;
	}
	return 0;
}

static int truncated(struct pv_capture *c, const char *what, size_t wanted, size_t got)
{
	char why[128];
	snprintf(why, sizeof why, "truncated dump file; tried to read %zu %s bytes, only got %zu", wanted, what, got);
	return cannot(c, why);
}

/* Up to `max` packets, as pcap_dispatch() does it: how many, 0 at the end of the file, -1 with c->error. */
static int read_records(struct pv_capture *c, int max)
{
	uint32_t snapshot = (uint32_t)pcap_snapshot(c->pcap);
	int n = 0;
	while (n < max && !c->done) {
		struct record r;
		if (fill(c, sizeof r))
			return cannot(c, strerror(errno));
		size_t have = c->io_len - c->io_at;
		if (have < sizeof r)
			return have ? truncated(c, "header", sizeof r, have) : n;
		memcpy(&r, c->io + c->io_at, sizeof r);
		if (r.cap_len > PV_CAPTURE_SNAPLEN) {
			char why[96];
			snprintf(why, sizeof why, "invalid packet capture length %u, bigger than snaplen of %u", r.cap_len,
				 PV_CAPTURE_SNAPLEN);
			return cannot(c, why);
		}
		if (fill(c, sizeof r + r.cap_len))
			return cannot(c, strerror(errno));
		have = c->io_len - c->io_at - sizeof r;
		if (have < r.cap_len)
			return truncated(c, "captured", r.cap_len, have);
		const u_char *frame = (const u_char *)c->io + c->io_at + sizeof r;
		c->io_at += sizeof r + r.cap_len;
		struct pcap_pkthdr h = {
			.ts = {r.sec, (suseconds_t)r.frac * c->record_frac_ns},
			.caplen = r.cap_len < snapshot ? r.cap_len : snapshot,
			.len = r.len,
		};
		n++;
		if (!c->filter.bf_insns || pcap_offline_filter(&c->filter, &h, frame))
			pv_capture_packet((u_char *)c, &h, frame);
	}
	return n;
}

/* ---- either ---------------------------------------------------------------------------------------- */

int pv_capture_open_file(struct pv_capture *c)
{
	struct stat st;
	char why[PCAP_ERRBUF_SIZE];
	c->fd = strcmp(c->file, "-") ? pv_path_open(c->file, c->conf.below) : STDIN_FILENO;
	if (c->fd < 0)
		return cannot(c, strerror(errno));
	if (!fstat(c->fd, &st)) {
		if (S_ISREG(st.st_mode)) {
			c->bytes_total = (uint64_t)st.st_size;
			c->record_frac_ns = records_of(c->fd);
		} else {
			c->waits = true;
		}
	}
	/* A pipe is read through our own function, because a wait must be interruptible. A regular file is not: stdio copies
	 * the small pieces that libpcap asks for byte by byte out of the former (25 ns a packet). */
	FILE *f = c->waits ? fopencookie(c, "r", (cookie_io_functions_t){.read = cookie_read, .close = cookie_close})
			   : fdopen(c->fd, "r");
	if (!f) {
		cookie_close(c);
		return cannot(c, strerror(errno));
	}
	c->io = malloc(c->record_frac_ns ? RECORD_BYTES + READ_BYTES : READ_BYTES);
	if (!c->io) {
		fclose(f);
		return cannot(c, strerror(ENOMEM));
	}
	if (!c->record_frac_ns)
		setvbuf(f, c->io, _IOFBF, READ_BYTES);
	__fsetlocking(f, FSETLOCKING_BYCALLER); /* one thread reads it */
	c->pcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!c->pcap) {
		fclose(f);
		/* told to stop before the header came: an empty stream */
		return pv_capture_stopped(c) ? 0 : cannot(c, why);
	}
	/* from here on it is only our reads that move through the file */
	if (c->record_frac_ns && lseek(c->fd, HEADER_BYTES, SEEK_SET) != HEADER_BYTES)
		return cannot(c, strerror(errno));
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
	int n = c->record_frac_ns ? read_records(c, PV_CAPTURE_BATCH)
				  : pcap_dispatch(c->pcap, PV_CAPTURE_BATCH, pv_capture_packet, (u_char *)c);
	if (!c->waits && !c->record_frac_ns) {
		off_t at = lseek(c->fd, 0, SEEK_CUR);
		c->bytes_read = at > 0 ? (uint64_t)at : 0;
	}
	if (c->done || n == 0)
		return end(c, PV_END);
	if (n > 0)
		return PV_OK;
	if (pv_capture_stopped(c))
		return end(c, PV_END);
	if (!c->record_frac_ns)
		cannot(c, pcap_geterr(c->pcap));
	return end(c, PV_FAIL);
}
