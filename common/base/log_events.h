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
	E(bug,                  ERROR,   "an invariant of ours broke and the process restarts; report it") \
	E(channel_down,         WARNING, "a neighbouring process went away; the parent restarts it") \
	E(channel_violation,    ERROR,   "a neighbouring process spoke nonsense and was cut off; suspect a break-in") \
	E(configuration,        INFO,    "a configuration was loaded") \
	E(configuration_error,  ERROR,   "the configuration is wrong; the text says where and what to write") \
	E(connect,              INFO,    "a client connected") \
	E(debug,                DEBUG,   "detail for a person who looks for a fault") \
	E(disconnect,           INFO,    "a session ended") \
	E(error,                ERROR,   "something failed; the text says what and what to do") \
	E(process_exit,         ERROR,   "a process died; the parent starts it anew") \
	E(process_start,        INFO,    "a process started") \
	E(ready,                INFO,    "the suite answers") \
	E(refused,              INFO,    "a recipient was refused in the session") \
	E(relay_failed,         INFO,    "another server did not take a message for a recipient; the reply says why") \
	E(relayed,              INFO,    "another server took a message for a recipient") \
	E(stopping,             INFO,    "the suite ends") \
	E(tls_failed,           INFO,    "a TLS handshake did not succeed; the text says why") \
	E(warning,              WARNING, "something is not as it should be; service goes on")
/* clang-format on */

#endif
