/* SPDX-License-Identifier: MPL-2.0 */
/* ui/session.h - a conversation with an agent: what to ask next, and what the answers tell.
 *
 * It does not talk itself: whoever owns it asks what pv_ui_session_next() wants asked, and gives the answer to
 * pv_ui_session_answer(); so all of it is tested without a network. Once a second the metrics; the version until it is
 * known; the names of policies and taps every ten seconds; and, when a policy is new, its closed minutes once, for the
 * history. The agent's 425 ("invalid metrics period, specify [2, 3]") is understood, and asked again at once.
 *
 * Errors: `error` has one line for a person, or is empty. What was known stays. When the agent cannot be reached the
 * pauses grow, from 1 to PV_UI_PAUSE_MAX seconds.
 *
 * Limits: PV_UI_NAMES policies, and as many taps, more are not listed. One thread. */
#ifndef PV_UI_SESSION_H
#define PV_UI_SESSION_H

#include <jansson.h>

#include "ui/history.h"
#include "ui/model.h"

#define PV_UI_NAMES 512    /* agents refuse more than some hundred policies for want of memory */
#define PV_UI_PAUSE_MAX 10 /* seconds between attempts: an agent that restarts is seen again soon */
#define PV_UI_PERIODS_MAX 10
#define PV_UI_ALL "__all"  /* the policy that stands for all */

struct pv_ui_names {
	char name[PV_UI_NAMES][PV_UI_NAME_MAX];
	size_t n;
};

enum pv_ui_ask { PV_UI_ASK_NOTHING, PV_UI_ASK_METRICS, PV_UI_ASK_APP, PV_UI_ASK_POLICIES, PV_UI_ASK_MINUTE };

struct pv_ui_session {
	char policy[PV_UI_NAME_MAX];
	unsigned window; /* minutes, 2 to 10; 1 is the open minute alone */
	bool paused;

	char server[64]; /* version; "unknown" until it has told */
	struct pv_ui_names policies;
	struct pv_ui_names taps; /* of the policy */
	struct pv_ui_model *model; /* NULL: nothing yet */
	json_t *answer;            /* what the model was made of */
	struct pv_ui_history *history;
	char error[512];

	uint64_t answered_ns; /* when the model was new */
	uint64_t next_ns;     /* when the metrics are asked for again */
	/* what follows is nobody else's business */
	enum pv_ui_ask asking;
	bool have_server, asked_app, asked_policies, at_once;
	bool there; /* the last answer came from an agent, whatever it said */
	unsigned failures, retries, minute;
	uint64_t names_ns;
};

/* false: no memory. */
bool pv_ui_session_init(struct pv_ui_session *, const char *policy, unsigned window);
void pv_ui_session_free(struct pv_ui_session *);

/* The path to ask for, written to path; or ASK_NOTHING, and *wait_ns until there may be something. Clocks are monotonic. */
enum pv_ui_ask pv_ui_session_next(struct pv_ui_session *, uint64_t now_ns, char *path, size_t cap, uint64_t *wait_ns);

/* There is nothing to show, and why is known: the error, and which policies there are if the agent told. */
bool pv_ui_session_failed(const struct pv_ui_session *);

/* status 0: there was no answer, why says what happened. body is changed. */
void pv_ui_session_answer(struct pv_ui_session *, uint64_t now_ns, unsigned status, char *body, size_t len,
			  const char *why);

void pv_ui_session_policy(struct pv_ui_session *, const char *policy);
void pv_ui_session_window(struct pv_ui_session *, unsigned minutes);
void pv_ui_session_refresh(struct pv_ui_session *); /* ask now */

/* Is the handler of this tap? Merged handlers are of all. tap "": any. */
bool pv_ui_of_tap(const struct pv_ui_session *, const struct pv_ui_handler *, const char *tap);

/* The server's major version is known, and another one than ours. */
bool pv_ui_other_major(const struct pv_ui_session *);

#endif
