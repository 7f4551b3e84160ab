/*
 * listener, imapd and pop3d ─▶ keyholder: have a TLS handshake signed.
 *
 *	ak_sign ─▶ ak_signed
 *
 * Keyholder pads and hashes itself and accepts only what a TLS handshake may want signed.
 */
#ifndef COMMON_IPC_ANY_KEYHOLDER_H
#define COMMON_IPC_ANY_KEYHOLDER_H

#include "common/ipc/protocol.h"
#include "common/net/tls.h"

/* clang-format off */
#define AK_SIGN(F, m)            /* kind  name       least most */ \
	F(m, octets, key,       TLS_KEY_HASH, TLS_KEY_HASH) /* SHA-256 of the certificate's SubjectPublicKeyInfo */ \
	F(m, u16,    scheme,    1,  0xffff) /* SignatureScheme, RFC 8446 4.2.3 */ \
	F(m, octets, tbs,       1,  1024)   /* what the handshake wants signed, unhashed */
#define AK_SIGNED(F, m) \
	F(m, u8,     ok,        0,  1) \
	F(m, octets, signature, 0,  TLS_SIGNATURE)
#define ANY_KEYHOLDER(M)         /* name  number  fields  descriptor */ \
	M(ak_sign,   0x0601, AK_SIGN,   FD_NONE) \
	M(ak_signed, 0x0602, AK_SIGNED, FD_NONE)
/* clang-format on */

IPC_DECLARE(ANY_KEYHOLDER)

#endif
