/*
 * The octets of messages: packed in the database, or large ones as files beside it. Copies share
 * one body.
 */
#ifndef DELIVER_MAILBOX_STORE_BODY_H
#define DELIVER_MAILBOX_STORE_BODY_H

#include "deliver/mailbox/store/store.h"

struct store_new;

/* Removes the files whose rows were removed, when that is durable. */
void store_remove_unnamed(struct store *s);

/* Makes a body of octets, or of a file. 0: it cannot be stored (*full: no room). */
uint64_t store_body_add(struct store *s, const struct store_new *n, bool *full);

/* The octets of a small body, or *fd of a large one's file to read. False: gone, or broken. */
bool store_body_read(struct store *s, uint64_t body, struct buf *octets, int *fd, uint64_t *size);

/* One more message has it. */
enum store_result store_body_share(struct store *s, uint64_t body);

/* A message has it no more. With the last one it goes; its file when that is durable. */
enum store_result store_body_release(struct store *s, uint64_t body);

#endif
