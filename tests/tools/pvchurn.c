/* SPDX-License-Identifier: MPL-2.0 */
/* pvchurn - taps and policies come and go under traffic: what is left of them afterwards?
 *
 *   pvchurn IFACE ROUNDS [WORKERS]
 *
 * One policy stays, and counts; others on the same input, on inputs of their own, with filters, as chains,
 * and with documents that fail, are created and deleted. A thread sends DNS queries to 127.0.0.1 meanwhile.
 * Prints, after half of the rounds and at the end, resident KiB, descriptors and threads; and what the policy
 * that stayed has lost and parsed. */
#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "handlers/handlers.h"

/* Between two queries. What watches memory or threads is slow: there the packets would cost more than the rounds. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define PAUSE_US 1000
#else
#define PAUSE_US 200
#endif

static atomic_bool over;

static void *traffic(void *arg)
{
	static const uint8_t query[] = {0,   1,	  1,   0, 0,   1,   0,	 0,   0, 0, 0, 0, 3,
					'w', 'w', 'w', 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};
	struct sockaddr_in to = {
	    .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint8_t m[sizeof query];
	memcpy(m, query, sizeof m);
	for (unsigned id = 0; !atomic_load(&over); id++) {
		m[0] = (uint8_t)(id >> 8);
		m[1] = (uint8_t)id;
		m[21 + 2] = id % 3 ? 1 : 28;
		sendto(fd, m, sizeof m, 0, (struct sockaddr *)&to, sizeof to);
		usleep(PAUSE_US);
	}
	close(fd);
	return arg;
}

static unsigned entries(const char *path)
{
	unsigned n = 0;
	DIR *d = opendir(path);
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void report(void)
{
	unsigned long size = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f || fscanf(f, "%lu %lu", &size, &pages) != 2)
		exit(1);
	fclose(f);
	printf("%lu %u %u\n", pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024, entries("/proc/self/fd"),
	       entries("/proc/self/task"));
	fflush(stdout);
}

/* The document with its two marks filled in. wanted: it is created. */
static void post(struct pv_agent *a, enum pv_config_form form, bool wanted, const char *form_text,
		 const char *name, const char *other)
{
	char text[2048];
	struct pv_config_error err;
	const char *first = strchr(form_text, '@'), *second = strchr(first + 1, '@');
	snprintf(text, sizeof text, "%.*s%s%.*s%s%s", (int)(first - form_text), form_text, name,
		 (int)(second - first - 1), first + 1, other, second + 1);
	json_t *made = pv_agent_post(a, form, text, strlen(text), &err);
	if (!made == wanted) {
		fprintf(stderr, "pvchurn: %s: %s\n%s\n", name, made ? "was created" : err.text, text);
		exit(1);
	}
	json_decref(made);
}

#define TAP "{visor: {taps: {@: {input_type: pcap, config: {iface: '@'}}}}}"
#define POLICY                                                                                               \
	"{visor: {policies: {@: {kind: collection, input: {tap: t, input_type: pcap@}, handlers: {modules: "
#define PLAIN  POLICY "{n: {type: net}, d: {type: dns}, h: {type: dhcp}, p: {type: pcap}}}}}}}"
#define FILTER POLICY "{d: {type: dns, filter: {only_qtype: [A], xact_ttl_ms: 300}}}}}}}}"
#define SLOW   POLICY "{d: {type: dns, filter: {xact_ttl_secs: 60}}}}}}}}"
#define CHAIN                                                                                                \
	POLICY "[{d: {type: dns, filter: {only_qtype: [AAAA]}}}, {n: {type: net}}, {e: {type: dns}}]}}}}}"
#define OTHER  ", filter: {bpf: udp}"
#define BROKEN ", filter: {bpf: 'no such thing'}"
#define NOWHERE ", config: {iface: nosuch0}"

static void each(void *ctx, const struct pv_graph_lane *l)
{
	struct pv_source_status s;
	(void)ctx;
	pv_team_status(l->team, &s);
	printf("%s lost %" PRIu64 " of %" PRIu64 ", parsed %" PRIu64 " of %" PRIu64 " packets\n", l->policy,
	       l->counts.lost_events, l->counts.events, s.dns_received, s.capture.packets);
}

static void say(void *ctx, enum pv_config_say kind, const char *line)
{
	(void)ctx, (void)kind, (void)line;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	unsigned workers = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1;
	const struct pv_store_conf sc = {pv_handlers, 1};
	struct pv_store *store = pv_store_new(&sc);
	const struct pv_agent_conf conf = {
	    .handlers = pv_handlers, .store = store, .seed = 1, .workers = workers, .say = say};
	struct pv_agent *a = pv_agent_new(&conf);
	pthread_t thread;
	if (!rounds || !a || pthread_create(&thread, NULL, traffic, NULL))
		return 2;
	post(a, PV_CONFIG_TAP, true, TAP, "t", argv[1]);
	post(a, PV_CONFIG_POLICY, true, PLAIN, "stays", "");
	for (unsigned i = 0; i < rounds; i++) {
		static const char *const names[] = {"a", "b", "c", "d"};
		if (i == rounds / 2) /* the heap of every thread has grown to its size by then */
			report();
		post(a, PV_CONFIG_TAP, true, TAP, "u", argv[1]);
		post(a, PV_CONFIG_POLICY, true, i % 2 ? FILTER : CHAIN, "a", "");
		post(a, PV_CONFIG_POLICY, true, i % 3 ? SLOW : PLAIN, "b", "");
		post(a, PV_CONFIG_POLICY, true, i % 2 ? PLAIN : FILTER, "c", i % 5 ? "" : OTHER);
		/* a capture that was open before it failed takes the kernel 50 ms to put away, so not every time */
		post(a, PV_CONFIG_POLICY, false, PLAIN, "d", i % 10 == 2 ? BROKEN : NOWHERE);
		post(a, PV_CONFIG_POLICY, false, PLAIN, "a", "");
		json_decref(pv_agent_policies_json(a, NULL));
		pv_views_free(pv_store_views(store, NULL));
		for (unsigned k = 0; k < 4; k++)
			if (pv_agent_remove_policy(a, names[(k + i) % 4]) != ((k + i) % 4 != 3))
				return 1;
		if (!pv_agent_remove_tap(a, "u"))
			return 1;
	}
	report();
	struct timespec t = {0, 300000000};
	nanosleep(&t, NULL); /* the status is that old at most */
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	pv_agent_each(a, each, NULL);
	pv_agent_finish(a);
	pv_agent_free(a);
	pv_store_free(store);
	return 0;
}
