/*
 * What every platform shares: the facts of the roles, and the way from a role to a user.
 */
#include "common/sandbox/sandbox.h"

#include "common/base/assert.h"
#include "common/sandbox/privdrop.h"

#include <stdio.h>

struct role {
	const char *title;
	const char *user;
	bool chrooted;
	unsigned files;
	unsigned tasks;
	unsigned may;
};

static const struct role roles[] = {
#define ROLE(name, title, user, chroot, files, tasks, may) \
	[SANDBOX_##name] = {title, user, chroot, files, tasks, may},
    SANDBOX_ROLES(ROLE)
#undef ROLE
};

static const struct role *
role_find(enum sandbox_role role)
{
	ASSERT((unsigned)role < SANDBOX_ROLE_COUNT);
	return &roles[role];
}

const char *
sandbox_title(enum sandbox_role role)
{
	return role_find(role)->title;
}

const char *
sandbox_user(enum sandbox_role role)
{
	return role_find(role)->user;
}

bool
sandbox_is_chrooted(enum sandbox_role role)
{
	return role_find(role)->chrooted;
}

unsigned
sandbox_granted(enum sandbox_role role, const struct sandbox_paths *paths)
{
	unsigned may = role_find(role)->may;
	bool writes = paths != NULL && paths->rw != NULL && paths->rw[0] != NULL;
	bool reads = paths != NULL && paths->ro != NULL && paths->ro[0] != NULL;

	if (!writes)
		may &= ~(unsigned)MAY_WRITE;
	if (!writes && !reads)
		may &= ~(unsigned)MAY_READ;
	return may;
}

bool
sandbox_drop(
    enum sandbox_role role, const char *prefix, const char *root, bool *ordinary, struct error *e)
{
	const struct role *r = role_find(role);
	char user[LIMIT_USER];
	struct privdrop p = {.files = r->files, .tasks = r->tasks, .ordinary = ordinary};

	if (r->user != NULL) {
		int len = snprintf(user, sizeof(user), "%s%s", prefix, r->user);

		if (len < 0 || (size_t)len >= sizeof(user))
			return error_set(e, "the user prefix \"%.32s...\" is too long", prefix);
		p.user = user;
	}
	if (r->chrooted) {
		p.root = root;
		p.root_empty = true;
	}
	return privdrop(&p, e);
}
