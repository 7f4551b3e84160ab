#include "smtpd/parent/config/match.h"

#include "common/mail/address.h"

void
match_begin(struct match_line *m, struct draft *d, struct place at)
{
	*m = (struct match_line){.draft = d, .at = at};
}

void
match_condition(struct match_line *m, bool is_negated)
{
	m->is_negated = is_negated;
	m->is_regex = false;
}

static void
push(struct match_line *m, uint8_t subject, bool is_negated, bool is_regex, const char *table)
{
	m->conditions[m->count++] = (struct conf_condition){
	    .subject = subject, .negated = is_negated, .regex = is_regex, .table = slice_of(table)};
}

/* With what a pattern's signs could stand for; sets of characters are not looked into. */
static bool
may_be_domain(struct slice key)
{
	struct buf text = {0};
	bool ok;

	if (domain_is_literal(key) || slice_find(key, '[') >= 0)
		return true;
	for (size_t i = key.len > 0 && key.data[0] == '.'; i < key.len; i++)
		buf_add_char(&text, key.data[i] == '*' || key.data[i] == '?' ? 'x' : key.data[i]);
	ok = domain_is_valid(buf_slice(&text), true);
	buf_fini(&text);
	return ok;
}

/* A slip of the pen, which no domain of a client's will ever match. */
static void
warn_of_domains(struct match_line *m, struct place at, const char *table)
{
	const struct conf_table_node *t = conf_find_table(m->draft->conf, slice_of(table));

	for (size_t i = 0; i < t->entry_count; i++) {
		struct slice key = t->entries[i].key;

		if (!may_be_domain(key))
			draft_warn(m->draft, at,
			    "\"%.*s\" is no domain, and matches none; write one like example.org%s",
			    (int)(key.len > 100 ? 100 : key.len), key.data,
			    slice_find(key, '@') < 0 ? "" : ", or rcpt-to for an address");
	}
}

bool
match_add(struct match_line *m, struct place at, uint8_t subject, const char *table)
{
	bool is_from = subject <= FROM_SRC, is_for = subject >= FOR_ANY && subject <= FOR_RCPT_TO;

	if ((is_from && m->has_from) || (is_for && m->has_for))
		return draft_fail(m->draft, at, "a match has one \"%s\"; write another match",
		    is_from ? "from" : "for");
	m->has_from |= is_from;
	m->has_for |= is_for;
	if (m->count == CONDITIONS)
		return draft_fail(m->draft, at, "a match has %d conditions at most", CONDITIONS);
	if (subject == FOR_DOMAIN && !m->is_regex)
		warn_of_domains(m, at, table);
	push(m, subject, m->is_negated, m->is_regex, table);
	return true;
}

bool
match_end(struct match_line *m, struct place at, const char *action)
{
	struct conf *c = m->draft->conf;
	struct conf_match match = {
	    .line = m->at.line, .reject = action == NULL, .action = slice_of(action)};

	if (action != NULL && conf_find_action(c, match.action) == NULL)
		return draft_fail(m->draft, at,
		    "the action \"%s\" is not defined; write above: action \"%s\" mailbox", action,
		    action);
	if (!m->has_from)
		push(m, FROM_LOCAL, false, false, NULL);
	if (!m->has_for)
		push(m, FOR_LOCAL, false, false, NULL);
	places_add(&m->draft->matches, m->at);
	conf_add_match(c, &match);
	for (size_t i = 0; i < m->count; i++)
		conf_add_condition(c, &m->conditions[i]);
	return true;
}

static bool
is_for_all(const struct conf_match_node *m)
{
	for (size_t i = 0; i < m->condition_count; i++) {
		const struct conf_condition *c = &m->conditions[i];

		if (c->negated || (c->subject != FROM_ANY && c->subject != FOR_ANY))
			return false;
	}
	return true;
}

/* Where somebody was refused above, that may be what keeps strangers out. */
bool
match_is_open(const struct draft *d, struct place *at)
{
	for (size_t i = 0; i < d->conf->match_count && !d->conf->matches[i].match.reject; i++) {
		const struct conf_match_node *m = &d->conf->matches[i];

		if (conf_find_action(d->conf, m->match.action)->method == METHOD_RELAY &&
		    is_for_all(m)) {
			*at = places_of(&d->matches, i);
			return true;
		}
	}
	return false;
}
