#include "smtpd/parent/config/config.h"

#include "common/base/mem.h"
#include "common/net/netaddr.h"
#include "smtpd/parent/config/access.h"
#include "smtpd/parent/config/load.h"
#include "smtpd/parent/config/parser.h"

#include <stdlib.h>

bool
parser_include(struct parser *p, struct place at, const char *path)
{
	struct slice whole;

	return value_path(&p->draft, at, path, &whole) &&
	       (lexer_include(p->lexer, path, p->draft.why) ||
		   draft_fail(&p->draft, at, "%s", p->draft.why->text));
}

/* Whether strangers can reach a line that takes mail without a password. */
static bool
is_public(const struct conf_listen *l)
{
	struct netaddr a;

	return !l->local && l->service == SERVICE_SMTP && l->auth != AUTH_REQUIRED &&
	       netaddr_parse(l->address, &a) && !netaddr_is_loopback(&a);
}

static void
warn_of_open_relay(struct draft *d)
{
	struct place open;
	bool any = false;

	for (size_t i = 0; i < d->conf->listen_count; i++)
		any |= is_public(&d->conf->listens[i]);
	if (any && match_is_open(d, &open))
		draft_warn(d, open,
		    "anybody can send anywhere through this host; write: "
		    "match from auth, from local or from src { … }");
}

/* Whether an action can do what it says, by what other lines say. */
static bool
has_srs_key(struct parser *p)
{
	const struct conf *c = p->draft.conf;

	for (size_t i = 0; i < c->action_count; i++) {
		if (c->actions[i].srs && p->global.conf.srs_key.len == 0)
			return draft_fail(&p->draft, places_of(&p->draft.actions, i),
			    "action \"%.*s\" has srs; write: srs key \"…\"",
			    SLICE_FMT(c->actions[i].name));
	}
	return true;
}

/* sendmail must always get through. */
static bool
add_socket(struct parser *p, struct place at)
{
	const struct conf *c = p->draft.conf;

	for (size_t i = 0; i < c->listen_count; i++) {
		if (c->listens[i].local)
			return true;
	}
	listen_begin(&p->listen, &p->draft, true);
	return listen_end(&p->listen, at, "socket");
}

/* What concerns no single line. */
static bool
finish(struct parser *p)
{
	struct place end = p->token.at;

	if (!add_socket(p, end))
		return false;
	if (p->draft.conf->match_count == 0)
		return draft_fail(&p->draft, end,
		    "there is no match; write: match from any for "
		    "domain \"example.org\" action \"…\"");
	if (!has_srs_key(p) || !global_end(&p->global, end))
		return false;
	warn_of_open_relay(&p->draft);
	return true;
}

static bool
define_macros(struct parser *p, const struct config_options *o)
{
	for (size_t i = 0; i < o->definition_count; i++) {
		if (!lexer_define(p->lexer, o->definitions[i]))
			return error_set(
			    p->draft.why, "-D %s: write -D name=value", o->definitions[i]);
	}
	return true;
}

static struct parser *
parser_new(struct lexer *lexer, const struct config_options *o, struct error *why)
{
	struct parser *p = mem_zero(sizeof(*p));

	p->lexer = lexer;
	draft_init(&p->draft, why, o->warn);
	global_init(&p->global, &p->draft);
	p->defined.draft = &p->draft;
	return p;
}

/* Gives the configuration, if it is whole. */
static struct conf *
parser_free(struct parser *p, bool is_whole)
{
	struct conf *c = p->draft.conf;

	if (!is_whole) {
		conf_free(c);
		c = NULL;
	}
	listen_fini(&p->listen);
	global_fini(&p->global);
	draft_fini(&p->draft);
	lexer_free(p->lexer);
	free(p);
	return c;
}

struct conf *
config_read(const struct config_options *o, struct error *why)
{
	struct lexer *lexer = lexer_open(o->path, why);
	struct parser *p;

	if (lexer == NULL)
		return NULL;
	p = parser_new(lexer, o, why);
	return parser_free(p, define_macros(p, o) && yyparse(p) == 0 && finish(p) &&
				  load_files(&p->draft) && access_tables(&p->draft) &&
				  (!o->opens_keys || load_keys(&p->draft)));
}
