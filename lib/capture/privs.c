/* SPDX-License-Identifier: MPL-2.0 */
#include "capture/privs.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define LEAK_CHECKER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAK_CHECKER 1
#endif
#endif

#define NOBODY_ID 65534 /* where the system has no user of that name */

static void note(char *why, size_t cap, const char *what, int code)
{
	size_t at = strlen(why);
	if (at < cap)
		snprintf(why + at, cap - at, "%s%s: %s", at ? "; " : "", what,
			 code ? strerror(code) : "refused");
}

/* From root to nobody, or another; capabilities that are permitted stay so. */
static bool change_user(const struct pv_privs_conf *conf, char *why, size_t cap)
{
	uid_t uid = conf->user ? conf->user : NOBODY_ID;
	gid_t gid = conf->user ? conf->group : NOBODY_ID;
	struct passwd entry, *found = NULL;
	char text[2048];
	if (!conf->user && !getpwnam_r("nobody", &entry, text, sizeof text, &found) && found) {
		uid = entry.pw_uid;
		gid = entry.pw_gid;
	}
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || setgroups(0, NULL) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid)) {
		note(why, cap, conf->user ? "cannot become another user" : "cannot become nobody", errno);
		return false;
	}
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
#ifdef LEAK_CHECKER
	/* the leak checker of test builds traces its own process, which a change of user forbids */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#endif
	return true;
}

bool pv_privs_drop(const struct pv_privs_conf *conf, char *why, size_t cap)
{
	bool all = true;
	why[0] = 0;
	if (capng_get_caps_process()) {
		note(why, cap, "cannot read capabilities", errno);
		return false;
	}
	bool keep = conf->keep_net_raw && capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW);

	/* The bounding set needs CAP_SETPCAP, so it goes first; without that capability there is nothing to
	 * bound. */
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP)) {
		capng_clear(CAPNG_SELECT_BOUNDS);
		if (capng_apply(CAPNG_SELECT_BOUNDS)) {
			note(why, cap, "cannot empty the bounding set", errno);
			all = false;
		}
	}
	if (!conf->keep_user && geteuid() == 0)
		all &= change_user(conf, why, cap);

	capng_clear(CAPNG_SELECT_CAPS);
	if (keep)
		capng_update(CAPNG_ADD, CAPNG_PERMITTED, CAP_NET_RAW);
	if (capng_apply(CAPNG_SELECT_CAPS)) {
		note(why, cap, "cannot drop capabilities", errno);
		all = false;
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		note(why, cap, "cannot forbid new privileges", errno);
		all = false;
	}
	return all;
}

static bool set_effective(capng_act_t action)
{
	return !capng_update(action, CAPNG_EFFECTIVE, CAP_NET_RAW) && !capng_apply(CAPNG_SELECT_CAPS);
}

bool pv_privs_raise(void)
{
	if (capng_get_caps_process() || !capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW) ||
	    capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW))
		return false;
	return set_effective(CAPNG_ADD);
}

void pv_privs_lower(bool raised)
{
	if (raised && !capng_get_caps_process())
		set_effective(CAPNG_DROP);
}
