/* SPDX-License-Identifier: MPL-2.0 */
/* policy/team.h - the sources of one input stream: one, or the workers that share a busy interface by flow, or a
 * port by exporter.
 *
 *   interface --(capture/fanout.h)--> source of worker 0 --ring--> lane 0 of each policy --> part 0 of its
 * place
 *                                 \-> source of worker 1 --ring--> lane 1 of each policy --> part 1 of its
 * place
 *
 * Each worker is a source like any other (policy/source.h), with a thread, analysers and a ring of its own,
 * and knows nothing of the rest: transactions and TCP flows are of one worker, because both directions of a
 * flow are. All are told the same of what is wanted. What they have counted is added up here; what their
 * lanes make of it is merged where it is shown (http/parts.h).
 *
 * Flow exports are shared out by the exporter's address (flow/sockets.h); each worker has templates of its own.
 *
 * Saved captures, and inputs of other kinds, have one worker, however many are asked for.
 *
 * Threads and ownership: as of sources. Limit: PV_CAPTURE_WORKERS. */
#ifndef PV_POLICY_TEAM_H
#define PV_POLICY_TEAM_H

#include "policy/source.h"

struct pv_team;

/* Opens the input for so many workers, as far as it can be split. conf.input is filled in. NULL with one line
 * in err. */
struct pv_team *pv_team_open(const struct pv_config_stream *, unsigned workers, const struct pv_source_conf *,
			     char *err, size_t cap);

unsigned pv_team_size(const struct pv_team *);
struct pv_source *pv_team_source(struct pv_team *, unsigned worker);

/* As of a source, for all of them. */
void pv_team_want(struct pv_team *, const struct pv_source_want *);
int pv_team_start(struct pv_team *, char *err, size_t cap);
void pv_team_stop(struct pv_team *);
void pv_team_free(struct pv_team *); /* NULL is fine */
bool pv_team_joinable(struct pv_team *);
bool pv_team_notice(struct pv_team *, char *to, size_t cap);

/* Added up; `lanes` are those of a worker. */
void pv_team_status(struct pv_team *, struct pv_source_status *);

#endif
