/*
 * The mailboxes of an account. Names were folded, and new ones checked, by mailbox_name.h.
 */
#ifndef DELIVER_MAILBOX_STORE_MAILBOX_H
#define DELIVER_MAILBOX_STORE_MAILBOX_H

#include "common/ipc/any_mailbox.h"
#include "deliver/mailbox/store/store.h"

enum { STORE_NAME = LIMIT_MAILBOX_NAME + 1 };

struct store_mailbox {
	uint64_t id;
	uint32_t uidvalidity, uidnext, recent; /* recent: UIDs below were seen by a view */
	bool is_noselect;
	char name[STORE_NAME];
};

enum store_result store_find(struct store *s, const char *name, struct store_mailbox *m);
enum store_result store_find_id(struct store *s, uint64_t id, struct store_mailbox *m);
enum store_result store_create(struct store *s, const char *name, struct slice special_use);
enum store_result store_remove(struct store *s, const char *name, uint64_t *id);

/* A removed mailbox's messages go after it, a portion at a time; *is_empty: none is left. Who
 * removed it may not come to the end: first_removed() is one that may have some left, 0: none. */
enum store_result store_empty_removed(struct store *s, uint64_t id, bool *is_empty);
uint64_t store_first_removed(struct store *s);
/* Not INBOX, which stays: its messages are moved. */
enum store_result store_rename(struct store *s, const char *from, const char *to);
enum store_result store_subscribe(struct store *s, const char *name, bool on);
void store_list(
    struct store *s, void (*each)(void *owner, const struct am_mailbox *m), void *owner);
bool store_status(struct store *s, const struct store_mailbox *m, struct am_status_is *is);
void store_seen_recent(struct store *s, const struct store_mailbox *m);

#endif
