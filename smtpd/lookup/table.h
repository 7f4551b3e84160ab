/*
 * Tables (table(5)): what a configuration looks names, addresses and passwords up in. A table has a
 * backend, and answers the services that make sense for it. One that cannot be read answers with
 * its old content; one that never could answers "temporary", and never "not found".
 */
#ifndef SMTPD_LOOKUP_TABLE_H
#define SMTPD_LOOKUP_TABLE_H

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "smtpd/lookup/content.h"

/* What is looked up, which says how the key is compared and what the value means. */
enum table_service {
	TABLE_ALIAS,       /* a user's name, or "user+detail": targets of aliases(5) */
	TABLE_DOMAIN,      /* a domain: nothing */
	TABLE_CREDENTIALS, /* a login name: its crypt(3) hash; a label: user:secret */
	TABLE_NETADDR,     /* an address: nothing */
	TABLE_USERINFO,    /* a user's name: uid:gid:home */
	TABLE_SOURCE,      /* only table_next(): an address to send from */
	TABLE_MAILADDR,    /* an address: nothing */
	TABLE_ADDRNAME,    /* an address of ours: the name to greet with */
	TABLE_MAILADDRMAP, /* a login name: addresses by commas */
	TABLE_RELAYHOST,   /* a domain, or table_next(): a URL */
	TABLE_STRING,      /* any text: nothing */
	TABLE_REGEX,       /* any text: nothing */
};

enum table_result { TABLE_FOUND, TABLE_NONE, TABLE_TEMPORARY };

struct table {
	char *name;
	char *path;
	const struct table_backend *backend;
	struct content *content; /* of a backend that loads; NULL: it could never be read */
	bool is_regex;
	size_t next; /* whose turn it is */
};

/* One file each. load is NULL for those that ask somebody else each time. */
struct table_backend {
	struct content *(*load)(
	    const struct table *t, const struct conf_table_node *node, struct error *why);
	enum table_result (*find)(
	    const struct table *t, enum table_service service, struct slice key, struct buf *value);
};

extern const struct table_backend table_static, table_file, table_passwd, table_accounts,
    table_system;

/* Takes the tables of a configuration, and reads what is to be read. */
void tables_apply(const struct conf *c);
void tables_free(void);

/* Reads a table anew, or all with an empty name. */
bool tables_update(struct slice name, struct error *why);

/* Looks a key up; appends the value, if the service has one and value is not NULL. A table of that
 * name that is not there is temporary. */
enum table_result table_find(
    struct slice name, enum table_service service, struct slice key, struct buf *value);

/* Appends the next key of a list in turn. */
enum table_result table_next(struct slice name, struct buf *value);

/* Which backend, to treat accounts and system users as what they are; false: no such table. */
bool table_is(struct slice name, const struct table_backend *backend);

/* Appends any value of the table, to have one of its kind; false: there is none. */
bool table_sample(struct slice name, struct buf *value);

/* For the backends with content: finds as the service compares. */
enum table_result table_find_content(
    const struct table *t, enum table_service service, struct slice key, struct buf *value);

#endif
