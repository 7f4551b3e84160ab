/*
 * What the files of the verbs share: finding the handle and the mailbox that a message names, and
 * the verbs that stand in files of their own.
 */
#ifndef DELIVER_MAILBOX_VERB_VERB_H
#define DELIVER_MAILBOX_VERB_VERB_H

#include "deliver/mailbox/handle.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/verb/reply.h"

/* The handle a message names; NULL, and an answer, when there is none. */
struct handle *verb_handle_of(struct ipc_message *m, uint32_t id);

/* The mailbox the handle views; false, and an answer, when it is gone. */
bool verb_viewed(struct ipc_message *m, const struct handle *h, struct store_mailbox *box);

/* The same for a job that began with that mailbox in view; and any mailbox, by its id. One that
 * cannot be read is not told to be gone. */
bool verb_still_views(struct channel *c, uint32_t id, const struct handle *h, uint64_t mailbox,
    struct store_mailbox *box);
bool verb_find_id(struct channel *c, uint32_t id, const struct handle *h, uint64_t mailbox,
    struct store_mailbox *box);

/* A mailbox by its name; false, and an answer with that code, when there is none. */
bool verb_named(struct ipc_message *m, const struct handle *h, struct slice name,
    enum am_code missing, struct store_mailbox *box);

/* A name as the store knows it. */
void verb_fold_name(struct slice name, char folded[STORE_NAME]);

/* All of them, as imapd and pop3d speak them. */
extern const struct ipc_handler verbs[];

/* view.c */
void verb_view(void *owner, struct ipc_message *m);
void verb_unview(void *owner, struct ipc_message *m);
void verb_changes(void *owner, struct ipc_message *m);

/* change.c */
void verb_store(void *owner, struct ipc_message *m);
void verb_expunge(void *owner, struct ipc_message *m);
void verb_copy(void *owner, struct ipc_message *m);

/* RENAME of INBOX to a new name: it stays, and its messages go (RFC 9051 6.3.6). */
void verb_rename_inbox(struct ipc_message *m, struct handle *h, const char *name);

/* remove.c */
void verb_remove(void *owner, struct ipc_message *m);

/* append.c */
void verb_append(void *owner, struct ipc_message *m);

/* search.c */
void verb_search(void *owner, struct ipc_message *m);

#endif
