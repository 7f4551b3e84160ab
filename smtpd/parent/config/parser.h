/*
 * What the grammar's rules call: each takes what was read so far and adds to the configuration, or
 * says why not, with file and line, and what to write instead.
 */
#ifndef SMTPD_PARENT_CONFIG_PARSER_H
#define SMTPD_PARENT_CONFIG_PARSER_H

#include "smtpd/parent/config/config.h"
#include "smtpd/parent/config/lexer.h"

enum { CONDITIONS = 40, OPTIONS = 48, WRAPPERS = 100 };

struct parser {
	struct lexer *lexer;
	struct lexer_token token, before; /* the one read last, and the one before */
	struct conf *conf;
	struct conf_global global;
	struct error *why;
	void (*warn)(const char *text);
	struct buf warn_intervals;
	struct buf pki_places, ca_places,
	    listen_places; /* where each was defined, in conf's order */
	unsigned warn_count, anonymous, listens;
	struct {
		const char *name, *command;
	} wrappers[WRAPPERS];
	size_t wrapper_count;

	/* Of the line that is being read. */
	const char *options[OPTIONS]; /* that it has had */
	size_t option_count;
	struct conf_listen listen;
	struct buf pkis;
	bool has_port, wants_inet4, wants_inet6;
	struct conf_action action;
	const char *wrapper; /* of the action; NULL: none */
	struct place begin;
	struct place open_relay; /* the first match that lets anybody send anywhere; line 0: none */
	struct conf_condition conditions[CONDITIONS + 2]; /* the two that may be understood */
	size_t condition_count;
	bool is_negated, is_regex, has_from, has_for;
};

/* The grammar itself: 0 when the whole configuration was read. */
int yyparse(struct parser *p);

/* Writes "file:line: …"; always false. A note of a line without effect goes to whoever asked. */
bool config_fail(struct parser *p, struct place at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void config_unexpected(struct parser *p, const char *const expected[], size_t n);
void config_warn(struct parser *p, struct place at, const char *text);

/* Goes on with another file. */
bool config_include(struct parser *p, struct place at, const char *path);

/* Remembers where something stands, for what is found wrong with it later. */
void config_note(struct buf *places, struct place at);
struct place config_noted(const struct buf *places, size_t i);

/* Reads the certificates that are named; checks them, the modes of keys, and ciphers. */
bool load_files(struct parser *p);

/* Refuses the second of the same option on a line; the text lives on. */
void option_begin(struct parser *p);
bool option_once(struct parser *p, struct place at, const char *option);
bool option_text(
    struct parser *p, struct place at, const char *option, struct slice *to, const char *text);
bool option_flag(struct parser *p, struct place at, const char *option, uint8_t *to, uint8_t value);

/* Refuses a section whose texts or numbers no process would take. */
bool section_fits(
    struct parser *p, struct place at, const struct ipc_schema *s, const void *section);

/* Words to values: "4d", "35M", a number in its range, one sign, a path from / on. */
bool value_span(struct parser *p, struct place at, const char *text, uint32_t *seconds);
bool value_size(struct parser *p, struct place at, const char *text, uint64_t *octets);
bool value_number(struct parser *p, struct place at, const char *text, uint32_t least,
    uint32_t most, uint32_t *n);
bool value_days(
    struct parser *p, struct place at, uint32_t seconds, uint32_t most, uint32_t *out);
bool value_short(struct parser *p, struct place at, const char *text, uint16_t most, uint16_t *n);
const char *value_join(struct parser *p, const char *a, const char *b);
bool value_path(struct parser *p, struct place at, const char *text, struct slice *path);
bool value_delimiter(struct parser *p, struct place at, const char *text);
bool value_warn_interval(struct parser *p, struct place at, const char *text);

/* table, pki, ca, mda wrapper. A name that is given back is the configuration's. */
bool define_table(struct parser *p, struct place at, const char *name);
bool define_table_at(struct parser *p, struct place at, const char *name, const char *source);
void define_anonymous(struct parser *p);
bool define_entry(struct parser *p, struct place at, const char *key, const char *value);
bool define_pki(
    struct parser *p, struct place at, const char *name, const char *cert, const char *key);
bool define_ca(struct parser *p, struct place at, const char *name, const char *path);
bool define_wrapper(struct parser *p, struct place at, const char *name, const char *command);
const char *define_last_table(const struct parser *p);
bool refer_table(struct parser *p, struct place at, const char *name, const char **table);
bool refer_pki(struct parser *p, struct place at, const char *name, struct slice *out);
bool refer_ca(struct parser *p, struct place at, const char *name, struct slice *out);

/* listen: begin, options, end. */
void listen_begin(struct parser *p, uint8_t is_local);
bool listen_service(struct parser *p, struct place at, const char *word, bool verify);
bool listen_port(struct parser *p, struct place at, const char *word);
bool listen_tls(struct parser *p, struct place at, uint8_t tls, bool verify);
bool listen_end(struct parser *p, struct place at, const char *on);

/* action and match. */
bool action_begin(struct parser *p, struct place at, const char *name, uint8_t method);
bool action_user(struct parser *p, struct place at, const char *name);
bool action_wrapper(struct parser *p, struct place at, const char *name);
bool action_host(struct parser *p, struct place at, const char *url);
bool action_end(struct parser *p, struct place at);
void match_begin(struct parser *p, struct place at);
bool match_add(struct parser *p, struct place at, uint8_t subject, const char *table);
bool match_end(struct parser *p, struct place at, const char *action);

#endif
