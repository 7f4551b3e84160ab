/*
 * A row of the queue's tables and its struct, by the lists of columns.h: one walker binds,
 * reads and checks them all.
 */
#ifndef QUEUE_STORE_ROW_H
#define QUEUE_STORE_ROW_H

#include "queue/store/store.h"

struct store_table;

extern const struct store_table store_messages, store_envelopes;

/* Binds all columns of the row, or those that a try writes, from the parameter n on; gives the
 * parameter after them. The texts must live until the statement is reset. */
int store_row_bind(struct statement *q, int n, const struct store_table *table, const void *row);
int store_row_bind_tried(
    struct statement *q, int n, const struct store_table *table, const void *row);

/* Reads all columns from the column n on; gives the one after them. The texts are borrowed. What
 * a member cannot hold becomes the largest number that it can. */
int store_row_read(struct statement *q, int n, const struct store_table *table, void *row);

/* Whether all is in its range, and what must be UTF-8 is. */
bool store_row_is_sane(const struct store_table *table, const void *row);

/* Leaves no text longer than its column takes, nor a number above its most. */
void store_row_cut(const struct store_table *table, void *row);

/* Gives the octets that the row's texts lie in from now on; free(3) them. */
char *store_row_copy(const struct store_table *table, void *row);

#endif
