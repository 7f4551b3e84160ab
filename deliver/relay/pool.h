/*
 * Connections that have done their transfer and wait a little for the next one to the same
 * place: the same action and the same domain or smarthost.
 */
#ifndef DELIVER_RELAY_POOL_H
#define DELIVER_RELAY_POOL_H

#include <stdbool.h>

struct relay_session;
struct relay_transfer;

enum { POOL_SECONDS = 10, POOL_MOST = 200 };

/* A kept session that fits the transfer, taken out of the pool; or NULL. */
struct relay_session *relay_pool_take(const struct relay_transfer *t);

/* Keeps a session; false when the pool is full. */
bool relay_pool_add(struct relay_session *s);

/* The session is going: takes it out if it is in. */
void relay_pool_remove(struct relay_session *s);

/* Ends all that is kept: the process drains. */
void relay_pool_drain(void);

#endif
