/*
 * What is defined above the lines that use it: table, pki, ca, mda wrapper. A name that is given
 * back is the configuration's.
 */
#ifndef SMTPD_PARENT_CONFIG_DEFINE_H
#define SMTPD_PARENT_CONFIG_DEFINE_H

#include "smtpd/parent/config/draft.h"

enum { WRAPPERS = 100 };

struct definitions {
	struct draft *draft;
	unsigned anonymous; /* tables without a name */
	struct {
		const char *name, *command;
	} wrappers[WRAPPERS];
	size_t wrapper_count;
};

/* A table here, "table x { … }", or elsewhere: "file:/path", "/path", "accounts". */
bool define_table(struct definitions *s, struct place at, const char *name);
bool define_table_at(struct definitions *s, struct place at, const char *name, const char *source);

/* A table where it is used; an entry, with or without a value, of the table that came last. */
void define_anonymous(struct definitions *s, struct place at);
bool define_entry(struct definitions *s, struct place at, const char *key, const char *value);
const char *define_last_table(const struct definitions *s);

/* cert or key is NULL: they come on lines of their own. */
bool define_pki(
    struct definitions *s, struct place at, const char *name, const char *cert, const char *key);
bool define_ca(struct definitions *s, struct place at, const char *name, const char *path);
bool define_wrapper(struct definitions *s, struct place at, const char *name, const char *command);

/* What was defined by that name, or why there is no such thing; a wrapper's command. */
bool refer_table(struct definitions *s, struct place at, const char *name, const char **table);
bool refer_pki(struct definitions *s, struct place at, const char *name, struct slice *out);
bool refer_ca(struct definitions *s, struct place at, const char *name, struct slice *out);
bool refer_wrapper(struct definitions *s, struct place at, const char *name, const char **command);

#endif
