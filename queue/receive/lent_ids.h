/*
 * The message ids that one listener may use, each once: blocks of them, with a bit for each that it
 * has not used. Pure: ids.h gives the numbers.
 */
#ifndef QUEUE_RECEIVE_LENT_IDS_H
#define QUEUE_RECEIVE_LENT_IDS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum { LENT_IDS = 4096 }; /* in a block; a listener asks for more before it runs dry */

struct lent_block;

struct lent_ids {
	TAILQ_HEAD(lent_blocks, lent_block) blocks; /* the newest first */
	size_t count;
	uint64_t known_from; /* ids below were lent before anybody can tell: to a session
			      * that outlived a queue, or many thousand messages */
};

enum lent_use { LENT_FRESH, LENT_STALE, LENT_WRONG };

void queue_lent_ids_init(struct lent_ids *l);
void queue_lent_ids_fini(struct lent_ids *l);

/* Lends LENT_IDS more, from first on. Of LIMIT_ID_BLOCKS blocks the oldest goes. */
void queue_lent_ids_add(struct lent_ids *l, uint64_t first);

/* Takes the id off those lent. Wrong: it was never lent, or was used. */
enum lent_use queue_lent_ids_use(struct lent_ids *l, uint64_t id);

#endif
