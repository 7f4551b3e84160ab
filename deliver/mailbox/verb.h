/*
 * What the files of the verbs share: finding the handle and the mailbox that a message names, and
 * the verbs that stand in files of their own.
 */
#ifndef DELIVER_MAILBOX_VERB_H
#define DELIVER_MAILBOX_VERB_H

#include "deliver/mailbox/server.h"

/* The handle a message names; NULL, and an answer, when there is none. */
struct handle *verb_handle_of(struct ipc_message *m, uint32_t id);

/* The mailbox the handle views; false, and an answer, when it is gone. */
bool verb_viewed(struct ipc_message *m, const struct handle *h, struct store_mailbox *box);

/* A mailbox by its name; false, and an answer with that code, when there is none. */
bool verb_named(struct ipc_message *m, const struct handle *h, struct slice name, enum am_code missing,
    struct store_mailbox *box);

void verb_say_ok(struct ipc_message *m, uint64_t modseq);

/* verb_view.c */
void verb_view(void *owner, struct ipc_message *m);
void verb_unview(void *owner, struct ipc_message *m);
void verb_changes(void *owner, struct ipc_message *m);

/* fetch.c */
void fetch_begin(void *owner, struct ipc_message *m);
void fetch_more(void *owner, struct ipc_message *m);
void spool_begin(void *owner, struct ipc_message *m);

#endif
