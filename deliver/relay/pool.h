/*
 * Connections that have done their transfer and wait a little for the next one to the same
 * place: the same action and the same domain or smarthost.
 */
#ifndef DELIVER_RELAY_POOL_H
#define DELIVER_RELAY_POOL_H

#include <stdbool.h>

struct relay_session;
struct relay_transfer;

enum { POOL_MOST = 200 };

/* A kept session that fits the transfer, taken out of the pool; or NULL. */
struct relay_session *relay_pool_take(const struct relay_transfer *t);

/* Keeps a session; false when the pool is full, or was drained since the session's
 * transfer began. */
bool relay_pool_add(struct relay_session *s);

/* The session is going: takes it out if it is in. */
void relay_pool_remove(struct relay_session *s);

/* Ends those that are kept to the same server for another place: this session found no room. */
void relay_pool_make_room(const struct relay_session *s);

/* Ends all that is kept, and what is in use now will not be kept: the rules by which these
 * connections were made are over, or the process drains. */
void relay_pool_drain(void);

/* A number for the rules of now, which a transfer and its connection carry from its beginning. */
unsigned relay_pool_rules(void);

#endif
