/*
 * The lines to those who ask for signatures, and the signatures in hand. Each neighbour gets its
 * turn, so one that asks for very many makes only itself wait; beyond its limits it is refused.
 */
#ifndef SMTPD_KEYHOLDER_SERVE_H
#define SMTPD_KEYHOLDER_SERVE_H

#include "common/sandbox/sandbox.h"

#include <stdint.h>

void serve_init(void);
void serve_fini(void);      /* closes all lines; what is in the pool is answered to nobody */

/* A line to a listener, imapd or pop3d, new or in place of an older one. Takes fd. */
void serve_peer(enum sandbox_role role, int instance, int fd);

/* Since the start. */
uint64_t serve_signed(void);
uint64_t serve_refused(void);

#endif
