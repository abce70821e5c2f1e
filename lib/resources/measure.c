/* SPDX-License-Identifier: MPL-2.0 */
#include "resources/measure.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "event/event.h"

static bool clock_read(clockid_t id, uint64_t *ns)
{
	struct timespec t;
	if (clock_gettime(id, &t))
		return false;
	*ns = (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
	return true;
}

static bool clocks(uint64_t *cpu_ns, uint64_t *clock_ns)
{
#ifdef CLOCK_THREAD_CPUTIME_ID
	return clock_read(CLOCK_THREAD_CPUTIME_ID, cpu_ns) && clock_read(CLOCK_MONOTONIC, clock_ns);
#else
	return false;
#endif
}

bool pv_measure_cpu(struct pv_measure *m, uint64_t cpu_ns, uint64_t clock_ns, uint32_t *ppm)
{
	if (clock_ns < m->clock_ns || cpu_ns < m->cpu_ns) { /* not the thread that started; from here on it is */
		m->cpu_ns = cpu_ns;
		m->clock_ns = clock_ns;
		return false;
	}
	uint64_t used = cpu_ns - m->cpu_ns, passed = clock_ns - m->clock_ns;
	if (passed < PV_MEASURE_LEAST_NS)
		return false;
	m->cpu_ns = cpu_ns;
	m->clock_ns = clock_ns;
	/* the clocks are not read at the same moment: a busy thread may seem to have used more than there was */
	*ppm = used >= passed ? PV_RES_CPU_WHOLE : (uint32_t)((double)used / (double)passed * PV_RES_CPU_WHOLE);
	return true;
}

static const char *number(const char *p, uint64_t *v)
{
	*v = 0;
	if (*p < '0' || *p > '9')
		return NULL;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (*v > (UINT64_MAX - 9) / 10)
			return NULL;
		*v = *v * 10 + (uint64_t)(*p - '0');
	}
	return p;
}

/* "size resident shared ...", in pages. */
bool pv_measure_statm(const char *text, uint64_t page_bytes, uint64_t *bytes)
{
	uint64_t size, resident;
	const char *p = number(text, &size);
	if (!p || *p != ' ' || !(p = number(p + 1, &resident)) || (*p != ' ' && *p != '\n'))
		return false;
	if (page_bytes && resident > UINT64_MAX / page_bytes)
		return false;
	*bytes = resident * page_bytes;
	return true;
}

static bool memory(uint64_t *bytes)
{
#ifdef __linux__
	char text[256];
	long page = sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0 || page <= 0)
		return false;
	text[n] = 0;
	return pv_measure_statm(text, (uint64_t)page, bytes);
#else
	(void)bytes;
	return false;
#endif
}

void pv_measure_start(struct pv_measure *m)
{
	*m = (struct pv_measure){.known = false};
	m->known = clocks(&m->cpu_ns, &m->clock_ns);
}

void pv_measure_take(struct pv_measure *m, struct pv_usage *u)
{
	uint64_t cpu_ns, clock_ns;
	*u = (struct pv_usage){.cpu_known = false};
	if (m->known && clocks(&cpu_ns, &clock_ns))
		u->cpu_known = pv_measure_cpu(m, cpu_ns, clock_ns, &u->cpu_ppm);
	u->memory_known = memory(&u->memory_bytes);
}
