/*
 * What became of a recipient, as whoever carries a message out tells queue: relay, mailbox, and an
 * agent by way of the parent. The numbers cross channels.
 */
#ifndef COMMON_IPC_OUTCOME_H
#define COMMON_IPC_OUTCOME_H

/* A temporary one is tried again, for as long as queue keeps mail. */
enum outcome { OUTCOME_DELIVERED, OUTCOME_RELAYED, OUTCOME_TEMPORARY, OUTCOME_PERMANENT };

#endif
