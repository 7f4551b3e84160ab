/*
 * queue ─▶ parent ─▶ agent: one external delivery, run as the recipient. Travels on queue's
 * line to the parent, which forks the agent as that user and passes the outcome back.
 *
 *	qa_deliver+body ─▶ qa_outcome
 *
 * The method, and what the action says, the parent takes from its own configuration; uid, home and
 * shell from the system's user database, or from the user's own text where a userbase gave it. User
 * and target are queue's word, who has them from lookup and from its store:
 * smtpd/parent/helper/agent.c bounds them.
 *
 *	parent ─▶ agent:  ag_job+body ─▶ qa_outcome
 */
#ifndef COMMON_IPC_QUEUE_AGENT_H
#define COMMON_IPC_QUEUE_AGENT_H

#include "common/ipc/outcome.h"
#include "common/ipc/protocol.h"

/* clang-format off */
#define QA_DELIVER(F, m)         /* kind  name       least most */ \
	F(m, u64,    message,   1, UINT64_MAX) \
	F(m, u64,    envelope,  1, UINT64_MAX) \
	F(m, text,   action,    1, LIMIT_ACTION) \
	F(m, text,   user,      0, LIMIT_USER) \
	F(m, text,   target,    0, LIMIT_TARGET)   /* |command or /file of .forward or aliases; empty: the action's */ \
	F(m, text,   sender,    0, LIMIT_PATH) \
	F(m, text,   address,   1, LIMIT_PATH)     /* after expansion */ \
	F(m, text,   original,  1, LIMIT_PATH) \
	F(m, octets, octets,    0, LIMIT_INLINE)   /* the message, when no file comes along */ \
	F(m, u64,    size,      0, LIMIT_MESSAGE_HARD)
#define AG_JOB(F, m) \
	F(m, u64,    message,   1, UINT64_MAX) \
	F(m, u8,     method,    0, 7)              /* enum conf_method */ \
	F(m, text,   argument,  0, 2048)           /* its path, destination or command */ \
	F(m, u8,     junk,      0, 1) \
	F(m, u8,     rcpt_to,   0, 1) \
	F(m, u32,    seconds,   1, 3600)           /* how long a command may take */ \
	F(m, u8,     expand,    0, 1)              /* the argument is the configuration's: it may hold %{…} */ \
	F(m, text,   username,  0, LIMIT_USER)     /* who it is for, when the action has a user; else empty */ \
	F(m, text,   sender,    0, LIMIT_PATH) \
	F(m, text,   address,   1, LIMIT_PATH) \
	F(m, text,   original,  1, LIMIT_PATH) \
	F(m, text,   hostname,  1, LIMIT_HOSTNAME) \
	F(m, u8,     delim,     33, 126)           /* sub-address delimiter */ \
	F(m, octets, octets,    0, LIMIT_INLINE) \
	F(m, u64,    size,      0, LIMIT_MESSAGE_HARD)
#define QA_OUTCOME(F, m) \
	F(m, u64,    envelope,  0, UINT64_MAX) \
	F(m, u8,     outcome,   0, OUTCOME_PERMANENT) \
	F(m, text,   status,    5, LIMIT_STATUS) \
	F(m, text,   text,      0, 500)
#define QUEUE_AGENT(M)           /* name  number  fields  descriptor */ \
	M(qa_deliver, 0x0b01, QA_DELIVER, FD_MAYBE) \
	M(ag_job,     0x0b02, AG_JOB,     FD_MAYBE) \
	M(qa_outcome, 0x0b03, QA_OUTCOME, FD_NONE)
/* clang-format on */

IPC_DECLARE(QUEUE_AGENT)

#endif
