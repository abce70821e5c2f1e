/* SPDX-License-Identifier: MPL-2.0 */
#include "probe/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_MAX 255        /* of a name in DNS */
#define STACK (512u << 10) /* of a thread: four times what musl gives one */

struct job {
	unsigned number;
	char host[HOST_MAX + 1];
};

struct pv_resolver { /* shared by the caller and its threads */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int fd;
	bool closed;
	unsigned users;           /* the caller and the threads */
	unsigned threads, idle;
	unsigned open;            /* jobs not yet fetched */
	struct job job[PV_RESOLVER_JOBS]; /* a ring */
	unsigned first, njobs;
	struct pv_resolver_answer answer[PV_RESOLVER_JOBS]; /* likewise */
	unsigned first_answer, nanswers;
};

/* With the lock held, which it gives up. */
static void leave(struct pv_resolver *r)
{
	bool last = !--r->users;
	pthread_mutex_unlock(&r->lock);
	if (!last)
		return;
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	close(r->fd);
	free(r);
}

static void take_address(struct pv_resolver_answer *a, const struct addrinfo *i)
{
	if (i->ai_family == AF_INET && !a->has4) {
		struct sockaddr_in in;
		memcpy(&in, i->ai_addr, sizeof in);
		a->v4[10] = a->v4[11] = 0xff;
		memcpy(a->v4 + 12, &in.sin_addr, 4);
		a->has4 = true;
	} else if (i->ai_family == AF_INET6 && !a->has6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, i->ai_addr, sizeof in6);
		memcpy(a->v6, &in6.sin6_addr, 16);
		a->has6 = true;
	}
	if (!a->first && (a->has4 || a->has6))
		a->first = a->has4 ? 4 : 6;
}

static void look_up(const struct job *job, struct pv_resolver_answer *a)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	*a = (struct pv_resolver_answer){.number = job->number};
	if (getaddrinfo(job->host, NULL, &hints, &list))
		return;
	for (const struct addrinfo *i = list; i; i = i->ai_next)
		take_address(a, i);
	freeaddrinfo(list);
}

static void *run(void *arg)
{
	struct pv_resolver *r = arg;
	pthread_mutex_lock(&r->lock);
	for (;;) {
		while (!r->closed && !r->njobs) {
			r->idle++;
			pthread_cond_wait(&r->wake, &r->lock);
			r->idle--;
		}
		if (r->closed)
			break;
		struct job job = r->job[r->first];
		r->first = (r->first + 1) % PV_RESOLVER_JOBS;
		r->njobs--;
		pthread_mutex_unlock(&r->lock);
		struct pv_resolver_answer answer;
		look_up(&job, &answer);
		pthread_mutex_lock(&r->lock);
		r->answer[(r->first_answer + r->nanswers++) % PV_RESOLVER_JOBS] = answer;
		eventfd_write(r->fd, 1);
	}
	leave(r);
	return NULL;
}

/* With the lock held. */
static bool thread_for_more(struct pv_resolver *r)
{
	if (r->idle > r->njobs || r->threads == PV_RESOLVER_THREADS)
		return true;
	pthread_attr_t detached;
	pthread_t thread;
	if (pthread_attr_init(&detached))
		return r->threads > 0;
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&detached, STACK);
	bool made = !pthread_create(&thread, &detached, run, r);
	pthread_attr_destroy(&detached);
	r->threads += made;
	r->users += made;
	return r->threads > 0;
}

bool pv_resolver_ask(struct pv_resolver *r, unsigned number, const char *host)
{
	pthread_mutex_lock(&r->lock);
	bool ok = r->open < PV_RESOLVER_JOBS && strlen(host) <= HOST_MAX && thread_for_more(r);
	if (ok) {
		struct job *job = &r->job[(r->first + r->njobs++) % PV_RESOLVER_JOBS];
		job->number = number;
		snprintf(job->host, sizeof job->host, "%s", host);
		r->open++;
		pthread_cond_signal(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
	return ok;
}

bool pv_resolver_answer(struct pv_resolver *r, struct pv_resolver_answer *a)
{
	pthread_mutex_lock(&r->lock);
	bool any = r->nanswers;
	if (any) {
		*a = r->answer[r->first_answer];
		r->first_answer = (r->first_answer + 1) % PV_RESOLVER_JOBS;
		r->nanswers--;
		r->open--;
	} else {
		eventfd_t count;
		eventfd_read(r->fd, &count);
	}
	pthread_mutex_unlock(&r->lock);
	return any;
}

int pv_resolver_fd(const struct pv_resolver *r)
{
	return r->fd;
}

struct pv_resolver *pv_resolver_new(void)
{
	struct pv_resolver *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (r->fd < 0) {
		int why = errno;
		free(r);
		errno = why;
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
	r->users = 1;
	return r;
}

void pv_resolver_free(struct pv_resolver *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->closed = true;
	pthread_cond_broadcast(&r->wake);
	leave(r);
}
