/*
 * Who may ask whom. The parent deals out one line for each of these, for each instance on
 * either side, and no other. The arrows form no cycle (tests/unit proves it), so two full
 * lines can never wait for each other.
 *
 * Every process has a line to the parent besides (parent_any.h). On it the parent hears IPC_ORDERS,
 * what only root can do, from that kind of process and no other.
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

/*        asker     message       header */
#define IPC_ORDERS(O) \
	O(LOOKUP,   lp_check)   /* lookup_parent.h */ \
	O(LOOKUP,   lp_forward) /* lookup_parent.h */ \
	O(QUEUE,    qa_deliver) /* queue_agent.h */
/* clang-format on */

#endif
