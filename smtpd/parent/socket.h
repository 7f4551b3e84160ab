/*
 * The listening sockets of the suite. Each line of the configuration has one, and keeps it, with
 * its id, over reloads, unless it serves something else then; the processes get duplicates. A
 * socket whose line is gone is closed here, for as long as anybody holds it the kernel would go on
 * taking connections for nobody.
 */
#ifndef SMTPD_PARENT_SOCKET_H
#define SMTPD_PARENT_SOCKET_H

#include "common/base/error.h"
#include "common/conf/conf.h"
#include "common/net/netaddr.h"

enum { SOCKETS_MOST = 256 };

struct bound {
	struct netaddr address;
	uint8_t service; /* enum conf_service: whose sessions begin there */
	bool is_local;   /* the Unix socket that sendmail(8) speaks to */
	bool is_kept;    /* the configuration that is being applied has a line for it */
	int fd;
	uint32_t id; /* grows: a later socket has a greater one */
};

struct sockets {
	struct bound bound[SOCKETS_MOST];
	size_t count;
	uint32_t last_id;
};

/*
 * Binds what c has and s has not, and gives every line of c the id of its socket. The Unix socket
 * lies in the folder run. On failure what was bound for c is closed again, and s is as before.
 */
bool sockets_bind(struct sockets *s, struct conf *c, const char *run, struct error *why);

/* Closes what the configuration of the last sockets_bind() has no line for. */
void sockets_sweep(struct sockets *s);

/* The socket with that id, or NULL. */
const struct bound *sockets_find(const struct sockets *s, uint32_t id);

#endif
