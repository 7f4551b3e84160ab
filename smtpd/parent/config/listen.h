/* A listen line: service, address, port, TLS and the rest of what serves. */
#ifndef SMTPD_PARENT_CONFIG_LISTEN_H
#define SMTPD_PARENT_CONFIG_LISTEN_H

#include "smtpd/parent/config/define.h"
#include "smtpd/parent/config/option.h"

struct listen_line {
	struct draft *draft;
	struct options had;
	struct conf_listen conf; /* what it comes to, at each of its addresses */
	struct buf pkis;         /* an ipc_list of names */
	struct place at;
	bool has_port, wants_inet4, wants_inet6;
};

/* Begins another line, and forgets the one before. */
void listen_begin(struct listen_line *l, struct draft *d, bool is_local);
void listen_fini(struct listen_line *l);

bool listen_service(struct listen_line *l, struct place at, const char *word, bool verify);
bool listen_port(struct listen_line *l, struct place at, const char *word);
bool listen_tls(struct listen_line *l, struct place at, uint8_t tls, bool verify);

/* Another certificate to show. */
bool listen_pki(struct listen_line *l, struct definitions *s, struct place at, const char *name);

/* Adds a section for each address that the line listens on. */
bool listen_end(struct listen_line *l, struct place at, const char *on);

#endif
