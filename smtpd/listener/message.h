/*
 * A message as it comes in behind DATA: the trace fields that we put before it, and its octets. It
 * stays in memory while it may go inline; what outgrows that goes into a file that queue lends.
 */
#ifndef SMTPD_LISTENER_MESSAGE_H
#define SMTPD_LISTENER_MESSAGE_H

#include "common/ipc/channel.h"
#include "smtpd/listener/data.h"
#include "smtpd/listener/pace.h"

struct smtp_message {
	struct smtp_data data;
	struct smtp_pace pace;
	struct buf octets; /* trace fields first; what has gone into the file is no more in it */
	size_t trace;      /* octets of the trace fields */
	size_t looked_at;  /* octets, when the end of the header was looked for */
	int spool;         /* queue's file, or -1 */
	uint32_t spool_id; /* its number; 0: we have none, or none any more */
	uint64_t spooled;  /* octets written there */
	bool has_no_place; /* it can be kept nowhere: the rest is read and forgotten */
	bool is_looping;   /* by the header that has gone into the file */
	bool is_complete;  /* what a submission lacked has been added */
};

void smtp_message_init(struct smtp_message *m);

/* Queue, unless it is gone (NULL), drops what it keeps for it. */
void smtp_message_fini(struct smtp_message *m, struct channel *queue);

/* Whether the end of its header has come, and is in memory still. */
bool smtp_message_has_whole_header(const struct smtp_message *m);

/* Whether it has passed more than LIMIT_RECEIVED hosts, by what of its header is in memory. */
bool smtp_message_has_too_many_hops(const struct smtp_message *m);

/* Whether it has to go on in a file: a header whose end has not come is waited for, up to so many
 * octets in memory. */
bool smtp_message_is_outgrown(struct smtp_message *m, size_t most);

/* Goes on in that file of queue's, which it takes. */
void smtp_message_take_spool(struct smtp_message *m, int fd, uint32_t id);

/* Moves what has gathered in memory to the file. */
void smtp_message_spill(struct smtp_message *m);

/* There is no file for it, or no room in it. */
void smtp_message_give_up(struct smtp_message *m);

/* The queue that gave the file is gone, and its numbers are another's now. */
void smtp_message_lose_spool(struct smtp_message *m);

/* Hands it over to queue, the file too; false when the line is down. */
bool smtp_message_send(struct smtp_message *m, struct channel *queue, uint32_t request);

#endif
