/*
 * The configuration, typed. The parent parses smtpd.conf into it, checks it, and sends each
 * process the sections that are its own; what is sent is what the lists below say, so a
 * section's struct, its message and its check are one and the same.
 *
 * Text that is empty means "not given" unless said otherwise. All memory belongs to the conf.
 */
#ifndef COMMON_CONF_CONF_H
#define COMMON_CONF_CONF_H

#include "common/base/error.h"
#include "common/conf/words.h"
#include "common/ipc/protocol.h"

/* clang-format off */
#define CONF_GLOBAL(F, m)        /* kind  name            least most */ \
	F(m, text,   hostname,       1, LIMIT_HOSTNAME) \
	F(m, text,   queue_path,     1, LIMIT_FILE_PATH) /* directories */ \
	F(m, text,   mail_path,      1, LIMIT_FILE_PATH) \
	F(m, text,   run_path,       1, LIMIT_FILE_PATH) /* the control socket's and the submission socket's place */ \
	F(m, text,   accounts_path,  1, LIMIT_FILE_PATH) /* the accounts' database */ \
	F(m, u64,    max_message,    1024, LIMIT_MESSAGE_HARD) \
	F(m, u32,    max_rcpt,       1, LIMIT_RECIPIENTS) \
	F(m, u32,    max_mails,      1, 1000000) \
	F(m, u8,     sub_addr_delim, 33, 126) \
	F(m, u32,    queue_ttl,      1, 31536000)  /* seconds */ \
	F(m, octets, warn_intervals, 0, 64)        /* an ipc_list of decimal seconds, at most 4 */ \
	F(m, text,   dns_server,     0, 128)       /* address[@port] to ask instead of the system's; several by blanks */ \
	F(m, text,   dns_trust_anchor, 0, LIMIT_FILE_PATH) /* file */ \
	F(m, u16,    relay_port,     1, 65535)     /* where MX hosts listen: 25 */ \
	F(m, u32,    mta_max_deferred, 1, 1000000) \
	F(m, text,   smtp_ciphers,   0, 1024) \
	F(m, u16,    processes,      0, 8)         /* of each kind that may be several; 0: by the cores */ \
	F(m, text,   srs_key,        0, 1024)      /* signs the rewritten senders; empty: none are */ \
	F(m, text,   srs_key_backup, 0, 1024)      /* the one before it; still opens what it signed */ \
	F(m, u32,    srs_ttl,        0, 1023 * 86400) /* seconds, whole days */
#define CONF_LISTEN(F, m) \
	F(m, u32,    id,             1, 0xffff)    /* stays the same over a reload when the line does */ \
	F(m, u8,     service,        0, SERVICE_POP3) \
	F(m, u8,     local,          0, 1)         /* the submission socket: no address or port */ \
	F(m, text,   address,        0, 128)       /* numeric */ \
	F(m, u16,    port,           0, 65535) \
	F(m, u8,     tls,            0, TLS_IMPLICIT) \
	F(m, u8,     verify,         0, 1)         /* a client certificate is mandatory */ \
	F(m, octets, pki,            0, 8192)      /* an ipc_list of names, the first is the default */ \
	F(m, text,   ca,             0, LIMIT_HOSTNAME) \
	F(m, text,   ciphers,        0, 1024) \
	F(m, text,   protocols,      0, 256) \
	F(m, u8,     auth,           0, AUTH_REQUIRED) \
	F(m, text,   auth_table,     0, LIMIT_ACTION) /* empty: the accounts, then the system's users */ \
	F(m, text,   hostname,       0, LIMIT_HOSTNAME) \
	F(m, text,   hostnames,      0, LIMIT_ACTION) \
	F(m, text,   tag,            0, LIMIT_TAG) \
	F(m, text,   senders,        0, LIMIT_ACTION) \
	F(m, u8,     masquerade,     0, 1) \
	F(m, u8,     mask_src,       0, 1) \
	F(m, u8,     received_auth,  0, 1) \
	F(m, u8,     no_dsn,         0, 1) \
	F(m, u8,     proxy_v2,       0, 1)
#define CONF_PKI(F, m) \
	F(m, text,   name,           1, LIMIT_HOSTNAME) \
	F(m, text,   cert_path,      1, LIMIT_FILE_PATH) \
	F(m, text,   key_path,       1, LIMIT_FILE_PATH) \
	F(m, octets, chain,          0, 100000)    /* PEM, public */
#define CONF_CA(F, m) \
	F(m, text,   name,           1, LIMIT_HOSTNAME) \
	F(m, text,   path,           1, LIMIT_FILE_PATH) \
	F(m, octets, certificates,   0, 120000)    /* PEM */
#define CONF_TABLE(F, m) \
	F(m, text,   name,           1, LIMIT_ACTION) \
	F(m, u8,     backend,        0, BACKEND_COUNT - 1) \
	F(m, text,   path,           0, LIMIT_FILE_PATH)
#define CONF_ENTRY(F, m)         /* of the static table that came last */ \
	F(m, text,   key,            0, 4096) \
	F(m, text,   value,          0, 4096) \
	F(m, u8,     has_value,      0, 1)
#define CONF_ACTION(F, m) \
	F(m, text,   name,           1, LIMIT_ACTION) \
	F(m, u8,     method,         0, METHOD_COUNT - 1) \
	F(m, text,   argument,       0, 2048)      /* maildir's path, lmtp's destination, mda's command */ \
	F(m, u8,     junk,           0, 1) \
	F(m, u8,     rcpt_to,        0, 1)         /* lmtp: the address as it came */ \
	F(m, text,   alias,          0, LIMIT_ACTION) \
	F(m, text,   virtual,        0, LIMIT_ACTION) \
	F(m, text,   userbase,       0, LIMIT_ACTION) \
	F(m, text,   user,           0, LIMIT_SYSTEM_USER) \
	F(m, u32,    ttl,            0, 31536000)  /* seconds; 0: the queue's */ \
	F(m, text,   host,           0, 1024)      /* relay: URL */ \
	F(m, text,   host_table,     0, LIMIT_ACTION) \
	F(m, text,   domain_table,   0, LIMIT_ACTION) \
	F(m, text,   auth_table,     0, LIMIT_ACTION) \
	F(m, u8,     backup,         0, 1) \
	F(m, text,   backup_mx,      0, LIMIT_HOSTNAME) \
	F(m, text,   ca,             0, LIMIT_HOSTNAME) \
	F(m, text,   helo,           0, LIMIT_HOSTNAME) \
	F(m, text,   helo_table,     0, LIMIT_ACTION) \
	F(m, text,   src,            0, 128) \
	F(m, text,   src_table,      0, LIMIT_ACTION) \
	F(m, text,   mail_from,      0, LIMIT_ADDRESS) \
	F(m, u8,     srs,            0, 1) \
	F(m, u8,     tls,            0, RELAY_TLS_NO_VERIFY) \
	F(m, text,   ciphers,        0, 1024) \
	F(m, text,   protocols,      0, 256)
#define CONF_MATCH(F, m) \
	F(m, u32,    line,           0, 0xffffffff) /* of smtpd.conf, for the log */ \
	F(m, u8,     reject,         0, 1) \
	F(m, text,   action,         0, LIMIT_ACTION)
#define CONF_CONDITION(F, m)     /* of the match that came last */ \
	F(m, u8,     subject,        0, SUBJECT_COUNT - 1) \
	F(m, u8,     negated,        0, 1) \
	F(m, u8,     regex,          0, 1) \
	F(m, text,   table,          0, LIMIT_ACTION)

#define CONF_SECTIONS(M)         /* name  number  fields  descriptor */ \
	M(conf_global,    0x0201, CONF_GLOBAL,    FD_NONE) \
	M(conf_listen,    0x0202, CONF_LISTEN,    FD_NONE) \
	M(conf_pki,       0x0203, CONF_PKI,       FD_NONE) \
	M(conf_ca,        0x0204, CONF_CA,        FD_NONE) \
	M(conf_table,     0x0205, CONF_TABLE,     FD_NONE) \
	M(conf_entry,     0x0206, CONF_ENTRY,     FD_NONE) \
	M(conf_action,    0x0207, CONF_ACTION,    FD_NONE) \
	M(conf_match,     0x0208, CONF_MATCH,     FD_NONE) \
	M(conf_condition, 0x0209, CONF_CONDITION, FD_NONE)
/* clang-format on */

IPC_DECLARE(CONF_SECTIONS)

struct conf_table_node {
	struct conf_table table;
	struct conf_entry *entries;
	size_t entry_count;
};

struct conf_match_node {
	struct conf_match match;
	struct conf_condition *conditions;
	size_t condition_count;
};

struct conf {
	struct conf_global global;
	struct conf_listen *listens;
	size_t listen_count;
	struct conf_pki *pkis;
	size_t pki_count;
	struct conf_ca *cas;
	size_t ca_count;
	struct conf_table_node *tables;
	size_t table_count;
	struct conf_action *actions;
	size_t action_count;
	struct conf_match_node *matches;
	size_t match_count;
	char **texts; /* what the slices above show */
	size_t text_count;
};

struct conf *conf_new(void);
void conf_free(struct conf *c); /* NULL is fine */

/* Each copies the section with its texts into c; entries and conditions go to what came last. */
void conf_set_global(struct conf *c, const struct conf_global *g);
void conf_add_listen(struct conf *c, const struct conf_listen *l);
void conf_add_pki(struct conf *c, const struct conf_pki *p);
void conf_add_ca(struct conf *c, const struct conf_ca *ca);
void conf_add_table(struct conf *c, const struct conf_table *t);
void conf_add_entry(struct conf *c, const struct conf_entry *e);
void conf_add_action(struct conf *c, const struct conf_action *a);
void conf_add_match(struct conf *c, const struct conf_match *m);
void conf_add_condition(struct conf *c, const struct conf_condition *n);

/* A copy of the octets that lives as long as c, with a NUL behind it. */
struct slice conf_keep(struct conf *c, struct slice s);

/* By name, or NULL. */
const struct conf_listen *conf_find_listen(const struct conf *c, uint32_t id);
const struct conf_pki *conf_find_pki(const struct conf *c, struct slice name);
const struct conf_ca *conf_find_ca(const struct conf *c, struct slice name);
const struct conf_table_node *conf_find_table(const struct conf *c, struct slice name);
const struct conf_action *conf_find_action(const struct conf *c, struct slice name);

/* Which of so many mailbox processes has an account: the same answer in every process and every run. */
uint8_t conf_mailbox_of(struct slice account, int instances);

/* What a process is to know, a bit for each section. */
enum {
	CONF_SEES_LISTENS = 1,
	CONF_SEES_PKI = 2,
	CONF_SEES_CA = 4,
	CONF_SEES_TABLES = 8,
	CONF_SEES_ACTIONS = 16,
	CONF_SEES_MATCHES = 32,
};

/* Whether the line is of one of these services, a bit for each of enum conf_service; 0: of any. The
 * Unix socket is SMTP's. */
bool conf_listen_is_of(const struct conf_listen *l, unsigned services);

/* Sends just that, and of the listen lines those of the services. */
bool conf_send(const struct conf *c, struct channel *to, unsigned sees, unsigned services);

/* Adds a received section; false when m is no section, or fits no place. */
bool conf_receive(struct conf *c, const struct ipc_message *m);

#endif
