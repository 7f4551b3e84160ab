/* Answers: refusals in words, and those that wait until a change is durable. */
#ifndef DELIVER_MAILBOX_VERB_REPLY_H
#define DELIVER_MAILBOX_VERB_REPLY_H

#include "common/ipc/any_mailbox.h"
#include "common/ipc/channel.h"
#include "deliver/mailbox/account.h"

struct reply {
	const struct ipc_schema *schema;
	const void *message;
};

/* Answers done when what was changed is durable, and failed (NULL: am_no) when it could not be made
 * so; nothing when the asker is gone by then. */
void reply_durable(struct account *a, struct channel *c, uint32_t id, struct reply done,
    const struct reply *failed);

/* The same, of a delivery, which may wait for others (batch.h). */
void reply_delivered(struct account *a, struct channel *c, uint32_t id, struct reply done,
    const struct reply *failed);

void reply_no(struct channel *c, uint32_t id, enum am_code code, const char *text);
/* Part of it could not be read: nobody may take the rest for all. */
void reply_misread(struct channel *c, uint32_t id, const struct store *s);
void reply_ok(struct channel *c, uint32_t id, uint64_t modseq);
void reply_result(struct channel *c, uint32_t id, enum store_result r);
void replies_forget(struct channel *c);

#endif
