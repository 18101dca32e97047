/* SPDX-License-Identifier: MIT */
/*
 * Who may what.  The kernel tells the peer's uid; its groups are looked up here.
 *
 * A daemon that is not `shared` serves its own user and root.  A shared one serves members of its group, lets the
 * others look, and never reads or writes for somebody what that somebody could not: see batchd(8), threat model.
 */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_int.h"
#include "roots.h"

enum { GROUPS_MOST = 1024 };

static bool in_group(uid_t uid, const char *name)
{
	struct group *g = name != NULL ? getgrnam(name) : NULL;
	gid_t gid = g != NULL ? g->gr_gid : 0, groups[GROUPS_MOST];
	struct passwd *pw = getpwuid(uid);
	int n = GROUPS_MOST;

	if (g == NULL || pw == NULL || getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

enum ctl_right ctl_right_of(const struct config *cfg, uid_t uid)
{
	if (uid == 0 || uid == getuid())
		return CTL_ADMIN;
	if (!cfg->shared)
		return CTL_NONE;
	if (in_group(uid, cfg->admin_group))
		return CTL_ADMIN;
	return in_group(uid, cfg->group) ? CTL_WRITE : CTL_READ;
}

bool ctl_keeps_results(const struct ctl_call *call)
{
	return (*call->ctl->env.config)->shared && call->uid != getuid();
}

const char *ctl_roots(const struct ctl_call *call)
{
	const struct config *cfg = *call->ctl->env.config;

	if (call->uid == 0 || call->uid == getuid())
		return NULL;
	return cfg->shared_roots != NULL ? cfg->shared_roots : "";
}

int ctl_path_check(const struct ctl_call *call, const char *what, const char *path, struct err *err)
{
	const struct config *cfg = *call->ctl->env.config;

	if (path == NULL || roots_check(ctl_roots(call), path, NULL) == 0)
		return 0;
	return err_set(err, BD_EDENIED, "--%s %s: this batchd reads for its users only what lies under its shared_roots (%s)",
	               what, path, cfg->shared_roots != NULL ? cfg->shared_roots : "none are set");
}
