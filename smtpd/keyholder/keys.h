/*
 * The private keys, in memory only. Each belongs to a pki of the configuration, is found by the
 * hash of its public half, and may sign for the services that listen with that pki.
 *
 * So keyholder must be sent CONF_SEES_PKI and CONF_SEES_LISTENS; from a configuration without
 * listen lines no limit to services follows.
 */
#ifndef SMTPD_KEYHOLDER_KEYS_H
#define SMTPD_KEYHOLDER_KEYS_H

#include "common/base/error.h"
#include "common/conf/conf.h"

#include <openssl/evp.h>

/*
 * Reads a key in PEM from the descriptor, which it takes; keys_apply() puts it in force. As root
 * the file must be root's and closed to others (rwxr----- at most), else an open one only earns a
 * warning. False, and a sentence: that, unreadable, under a passphrase, or of no kind for TLS.
 */
bool keys_load(struct slice pki, int fd, bool is_root, struct error *why);

/*
 * What was loaded since the last call takes the place of the older key of its pki. A key that does
 * not belong to its pki's certificate is refused: the older one stays, and the result is false, with
 * the last such fault in *why. Keys that lost their place, and those of pkis that are gone, sign on
 * for sessions that began before; until keys_forget(), or the next that lose theirs.
 */
bool keys_apply(const struct conf *c, struct error *why);

/* Wipes what was replaced. */
void keys_forget(void);

/* The key of that hash (SHA-256 of the SubjectPublicKeyInfo) if a service in the mask (1 << enum
 * conf_service) uses it, or NULL. Borrowed. */
EVP_PKEY *keys_find(struct slice hash, unsigned services);

size_t keys_count(void);
void keys_fini(void);

#endif
