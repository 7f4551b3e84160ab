/*
 * The index of SEARCH: a signature (signature.h) of each body.
 */
#ifndef DELIVER_MAILBOX_STORE_SIGNATURE_H
#define DELIVER_MAILBOX_STORE_SIGNATURE_H

#include "deliver/mailbox/store/beside.h"
#include "deliver/mailbox/store/message.h"

/* The signature of a body (signature.h), borrowed in a walk beside one over messages, until the
 * next of the walk. False: none was kept. */
bool store_signature(struct store *s, struct store_beside *b, uint64_t body, struct slice *bits);

/* Keeps that of a message's body, if it can and the message is still there; it may be lost by a
 * power cut. */
void store_put_signature(
    struct store *s, uint64_t mailbox, const struct store_message *message, struct slice bits);
enum store_result store_remove_signature(struct store *s, uint64_t body);

/* Calls each for the bodies from a number on, until it returns false: then this does, too. */
struct store_body {
	uint64_t id, size;
	bool is_signed;
};
bool store_each_body(struct store *s, uint64_t from,
    bool (*each)(void *owner, const struct store_body *b), void *owner);

/* These stand in a transaction. */
bool store_sign(struct store *s, uint64_t body, struct slice bits);
bool store_put_signed(struct store *s, uint64_t below);

/* A new body has that number. It may have been another's, which was among the last, and went. */
void store_has_unsigned(struct store *s, uint64_t body);

/* As the store opens: drops those that were made in another way than now. */
void store_check_signatures(struct store *s);

#endif
