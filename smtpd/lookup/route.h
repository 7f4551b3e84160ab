/*
 * Where a recipient's mail goes: the first match of smtpd.conf whose conditions hold, then the
 * expansion of its action (virtual, alias), until there are mailboxes, users and far addresses.
 */
#ifndef SMTPD_LOOKUP_ROUTE_H
#define SMTPD_LOOKUP_ROUTE_H

#include "common/conf/conf.h"
#include "common/ipc/any_lookup.h"

struct route {
	const struct conf *conf;
	const struct al_route *question;
	void (*recipient)(void *owner, const struct al_recipient *r);      /* called for each, in order */
	void *owner;
	int mailboxes;                                                     /* how many mailbox processes there are */
	char reply[500];                                                   /* ROUTE_ERROR: what to say */
	size_t count;
};

/* Finds the way; the recipients so far do not count unless it returns ROUTE_OK. */
enum al_route_result route_find(struct route *r);

#endif
