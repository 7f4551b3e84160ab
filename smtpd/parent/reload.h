/* The configuration is read again while the suite runs. */
#ifndef SMTPD_PARENT_RELOAD_H
#define SMTPD_PARENT_RELOAD_H

#include "smtpd/parent/config/config.h"

/*
 * As config_read(), and each key fits its certificate: a reload that found out only in keyholder
 * would leave a certificate without a key. A process of its own opens them and ends, so none stays
 * in our memory. NULL: *why.
 */
struct conf *reload_read(const struct config_options *o, struct error *why);

#endif
