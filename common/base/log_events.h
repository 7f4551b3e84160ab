/*
 * Every event that a line of the log can name: its word, its level, what it means and what
 * to do about it. smtpd-log(7) and the tests read this list. Keep it sorted by word.
 */
#ifndef COMMON_BASE_LOG_EVENTS_H
#define COMMON_BASE_LOG_EVENTS_H

/* clang-format off */
/*        word                  level    meaning; what to do */
#define LOG_EVENTS(E) \
	E(accepted,             INFO,    "a message was stored in the queue and its sender told so") \
	E(auth_failed,          WARNING, "a client gave a wrong user or password; nothing, unless it repeats") \
	E(auth_ok,              INFO,    "a client logged in") \
	E(bounced,              INFO,    "a report about a message went to its sender: failed, delayed, delivered or relayed") \
	E(bug,                  ERROR,   "an invariant of ours broke and the process restarts; report it") \
	E(channel_down,         WARNING, "a neighbouring process went away; the parent restarts it") \
	E(channel_violation,    ERROR,   "a neighbouring process spoke nonsense and was cut off; suspect a break-in") \
	E(configuration,        INFO,    "a configuration was loaded") \
	E(configuration_error,  ERROR,   "the configuration is wrong; the text says where and what to write") \
	E(connect,              INFO,    "a client connected") \
	E(debug,                DEBUG,   "detail for a person who looks for a fault") \
	E(delivered,            INFO,    "a message was delivered to a recipient here") \
	E(delivery_failed,      INFO,    "a delivery here did not succeed; the reply says why, and 4 before it that it is tried again") \
	E(disconnect,           INFO,    "a session ended") \
	E(dropped,              INFO,    "a message failed whose sender is the null path, so nobody is told") \
	E(error,                ERROR,   "something failed; the text says what and what to do") \
	E(expired,              INFO,    "an envelope was tried for as long as the queue keeps mail; its sender is told") \
	E(held,                 ERROR,   "an envelope's data is damaged, so it is set aside; look at the disk, then smtpctl resume or remove") \
	E(log_lost,             WARNING, "lines of the log found no room, for their reader was too slow; look at the system's logger") \
	E(paused,               INFO,    "an administrator paused or resumed a part of the service") \
	E(process_exit,         ERROR,   "a process died; the parent starts it anew") \
	E(process_start,        INFO,    "a process started") \
	E(queue_action,         WARNING, "mail waits for an action that smtpd.conf does not have any more, or has again") \
	E(queue_full,           WARNING, "the queue's disk is nearly full, no mail is taken; make room") \
	E(queue_loaded,         INFO,    "all that an earlier run left in the queue is in the schedule again") \
	E(queue_open,           INFO,    "mail is taken again") \
	E(ready,                INFO,    "the suite answers") \
	E(refused,              INFO,    "a message, or one recipient of it, was refused in the session; the reply says why") \
	E(relay_busy,           INFO,    "a server that serves others of our connections wants no more of them; fewer are made") \
	E(relay_failed,         INFO,    "another server did not take a message for a recipient; the reply says why") \
	E(relayed,              INFO,    "another server took a message for a recipient") \
	E(removed,              INFO,    "an administrator took an envelope out of the queue") \
	E(stopping,             INFO,    "the suite ends") \
	E(suspect,              ERROR,   "a process is ended, for it or its neighbour spoke nonsense to the other") \
	E(tls_failed,           INFO,    "a TLS handshake did not succeed; the text says why") \
	E(warning,              WARNING, "something is not as it should be; service goes on")
/* clang-format on */

#endif
