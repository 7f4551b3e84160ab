/*
 * The private keys, in memory only: found by the hash of their public half, replaced as a whole
 * at a reload, wiped when they go.
 */
#ifndef SMTPD_KEYHOLDER_KEYS_H
#define SMTPD_KEYHOLDER_KEYS_H

#include "common/base/error.h"
#include "common/base/slice.h"

#include <openssl/evp.h>

/*
 * Reads a key in PEM from the descriptor, which it takes. False, and a sentence: unreadable,
 * protected by a passphrase, or of a kind that TLS does not sign with here.
 */
bool keys_load(struct slice pki, int fd, struct error *why);

/* The key of that hash (SHA-256 of the SubjectPublicKeyInfo), or NULL. */
EVP_PKEY *keys_find(struct slice hash);

/* Keys that were loaded since the last call replace all older ones. */
void keys_apply(void);

size_t keys_count(void);

#endif
