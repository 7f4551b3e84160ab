/*
 * The lines to those who ask for signatures, and the signatures in hand. Each neighbour gets its
 * turn, so one that asks for very many makes only itself wait; beyond its limits it is refused.
 */
#ifndef SMTPD_KEYHOLDER_SERVE_H
#define SMTPD_KEYHOLDER_SERVE_H

#include "common/ipc/neighbour.h"

#include <stdint.h>

void serve_init(void);

/* Those who ask. When a line goes, what waited on it is dropped. */
extern const struct neighbour serve_neighbours[];

/* Since the start. */
uint64_t serve_signed(void);
uint64_t serve_refused(void);

#endif
