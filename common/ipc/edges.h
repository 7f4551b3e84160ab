/*
 * Who may ask whom. The parent deals out one line for each of these, for each instance on
 * either side, and no other. The arrows form no cycle (tests/unit proves it), so two full
 * lines can never wait for each other.
 *
 * Not here: every process's own line to the parent, on which lookup and queue also ask it for
 * what only root can do (lookup_parent.h, queue_agent.h).
 */
#ifndef COMMON_IPC_EDGES_H
#define COMMON_IPC_EDGES_H

/* clang-format off */
/*        asker     answerer     header */
#define IPC_EDGES(E) \
	E(LISTENER, LOOKUP)    /* any_lookup.h */ \
	E(LISTENER, RESOLVER)  /* any_resolver.h */ \
	E(LISTENER, KEYHOLDER) /* any_keyholder.h */ \
	E(LISTENER, QUEUE)     /* listener_queue.h */ \
	E(LOOKUP,   MAILBOX)   /* lookup_mailbox.h */ \
	E(QUEUE,    LOOKUP)    /* any_lookup.h */ \
	E(QUEUE,    RELAY)     /* queue_relay.h */ \
	E(QUEUE,    MAILBOX)   /* queue_mailbox.h */ \
	E(RELAY,    LOOKUP)    /* any_lookup.h */ \
	E(RELAY,    RESOLVER)  /* any_resolver.h */ \
	E(IMAPD,    LOOKUP)    /* any_lookup.h */ \
	E(IMAPD,    KEYHOLDER) /* any_keyholder.h */ \
	E(IMAPD,    MAILBOX)   /* any_mailbox.h */ \
	E(POP3D,    LOOKUP)    /* any_lookup.h */ \
	E(POP3D,    KEYHOLDER) /* any_keyholder.h */ \
	E(POP3D,    MAILBOX)   /* any_mailbox.h */
/* clang-format on */

#endif
