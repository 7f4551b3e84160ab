/*
 * What all sessions of this process share: the lines to its neighbours, and which session an
 * account's handle belongs to.
 */
#ifndef IMAPD_SERVER_H
#define IMAPD_SERVER_H

#include "common/base/hash.h"
#include "common/conf/child.h"
#include "common/conf/service.h"

struct imap_session;

struct imap_server {
	struct channel *lookup, *keyholder;
	struct channel *mailboxes[LIMIT_INSTANCES];
	struct hash handles; /* instance and handle to session */
	LIST_HEAD(, imap_session) sessions;
};

extern struct imap_server imap_server;

/* Whom it has lines to. */
extern const struct neighbour imap_neighbours[];

/* Once, before child_main(). */
void imap_server_init(void);

/* Which session mailbox means when it speaks of a handle unasked. */
void imap_server_enter(int instance, uint32_t handle, struct imap_session *s);
void imap_server_leave(int instance, uint32_t handle);

/* The hook of struct child. */
void imap_server_drain(void);

#endif
