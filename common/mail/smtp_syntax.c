#include "common/mail/smtp_syntax.h"

#include "common/base/ascii.h"
#include "common/base/encode.h"
#include "common/base/utf8.h"

#include <string.h>

static const struct {
	int code;
	const char *enhanced, *sentence;
} results[] = {
#define R(name, code, enhanced, sentence) {code, enhanced, sentence},
    SMTP_SYNTAX_RESULTS(R)
#undef R
};

/* What stands behind a verb. */
enum argument {
	ARGUMENT_NONE,
	ARGUMENT_ANY,
	ARGUMENT_SOME,
	ARGUMENT_HELLO,
	ARGUMENT_SENDER,
	ARGUMENT_RECIPIENT,
	ARGUMENT_MECHANISM,
};

static const struct {
	const char *name;
	enum argument argument;
} verbs[] = {{"", ARGUMENT_ANY},
#define V(name, argument) {#name, ARGUMENT_##argument},
    SMTP_VERBS(V)
#undef V
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

int
smtp_syntax_code(enum smtp_syntax_result result)
{
	return results[result].code;
}

const char *
smtp_syntax_enhanced(enum smtp_syntax_result result)
{
	return results[result].enhanced;
}

const char *
smtp_syntax_text(enum smtp_syntax_result result)
{
	return results[result].sentence;
}

const char *
smtp_verb_name(enum smtp_verb verb)
{
	return verbs[verb].name;
}

static struct slice
trim_spaces(struct slice s)
{
	while (s.len > 0 && s.data[0] == ' ')
		s = slice_from(s, 1);
	while (s.len > 0 && s.data[s.len - 1] == ' ')
		s.len--;
	return s;
}

/* [2001:db8::1] without its tag is wrong, but some clients say it. */
static bool
is_untagged_literal(struct slice s)
{
	char tagged[LIMIT_HOSTNAME + 8] = "[IPv6:";

	if (s.len < 2 || s.len > LIMIT_HOSTNAME || slice_find(s, ':') < 0)
		return false;
	memcpy(tagged + 6, s.data + 1, s.len - 1);
	return domain_is_literal(slice_make(tagged, s.len + 5));
}

/* A name or literal that a client may give in EHLO; as lenient as mail servers have to be. */
static bool
is_hello(struct slice name)
{
	if (name.len == 0 || name.len > LIMIT_HOSTNAME)
		return false;
	if (name.data[0] == '[')
		return domain_is_literal(name) || is_untagged_literal(name);
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (!ascii_is_alnum(c) && (c == '\0' || strchr("-_.:", c) == NULL))
			return false;
	}
	return true;
}

/* Decodes into size octets, a NUL with them; what comes out is UTF-8 without controls. */
static bool
take_text(bool (*decode)(struct buf *, struct slice), struct slice text, char *out, size_t size)
{
	struct buf octets;
	bool ok;

	buf_init(&octets, size - 1);
	ok = text.len > 0 && decode(&octets, text) && utf8_is_printable(buf_slice(&octets)) &&
	     slice_copy(buf_slice(&octets), out, size);
	buf_fini(&octets);
	return ok;
}

static enum smtp_syntax_result
take_size(struct slice value, struct smtp_mail *m)
{
	if (slice_number(value, INT64_MAX, &m->size))
		return SMTP_SYNTAX_OK;
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return SMTP_SYNTAX_PARAMETER_BAD;
	}
	return value.len > 0 ? SMTP_SYNTAX_SIZE_TOO_LARGE : SMTP_SYNTAX_PARAMETER_BAD;
}

static enum smtp_syntax_result
take_body(struct slice value, struct smtp_mail *m)
{
	if (slice_equal_text_nocase(value, "7BIT"))
		m->body = SMTP_BODY_7BIT;
	else if (slice_equal_text_nocase(value, "8BITMIME"))
		m->body = SMTP_BODY_8BITMIME;
	else
		return SMTP_SYNTAX_PARAMETER_BAD;
	return SMTP_SYNTAX_OK;
}

static enum smtp_syntax_result
take_ret(struct slice value, struct smtp_mail *m)
{
	if (slice_equal_text_nocase(value, "FULL"))
		m->ret = RET_FULL;
	else if (slice_equal_text_nocase(value, "HDRS"))
		m->ret = RET_HDRS;
	else
		return SMTP_SYNTAX_PARAMETER_BAD;
	return SMTP_SYNTAX_OK;
}

static enum smtp_syntax_result
take_envid(struct slice value, struct smtp_mail *m)
{
	if (!take_text(xtext_decode, value, m->envid, sizeof(m->envid)))
		return SMTP_SYNTAX_PARAMETER_BAD;
	return SMTP_SYNTAX_OK;
}

/* Who submitted the message first (RFC 4954 5); <> is nobody that can be named. */
static enum smtp_syntax_result
take_auth(struct slice value, struct smtp_mail *m)
{
	struct address a;

	m->has_auth = true;
	if (slice_equal_text(value, "<>"))
		return SMTP_SYNTAX_OK;
	if (!take_text(xtext_decode, value, m->auth, sizeof(m->auth)) ||
	    address_parse(slice_of(m->auth), ADDRESS_ALLOW_UTF8, &a) != ADDRESS_OK)
		return SMTP_SYNTAX_PARAMETER_BAD;
	return SMTP_SYNTAX_OK;
}

static enum smtp_syntax_result
take_notify(struct slice value, struct smtp_rcpt *r)
{
	static const struct {
		const char *word;
		uint8_t bit;
	} words[] = {{"NEVER", NOTIFY_NEVER}, {"SUCCESS", NOTIFY_SUCCESS},
	    {"FAILURE", NOTIFY_FAILURE}, {"DELAY", NOTIFY_DELAY}};
	struct slice word, rest = value;

	if (value.len == 0 || value.data[value.len - 1] == ',')
		return SMTP_SYNTAX_PARAMETER_BAD;
	while (slice_split(&rest, ',', &word)) {
		uint8_t bit = 0;

		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (slice_equal_text_nocase(word, words[i].word))
				bit = words[i].bit;
		}
		if (bit == 0 || (r->notify & bit) != 0)
			return SMTP_SYNTAX_PARAMETER_BAD;
		r->notify |= bit;
	}
	if ((r->notify & NOTIFY_NEVER) != 0 && r->notify != NOTIFY_NEVER)
		return SMTP_SYNTAX_PARAMETER_BAD;
	return SMTP_SYNTAX_OK;
}

static bool
is_type(struct slice type)
{
	for (size_t i = 0; i < type.len; i++) {
		char c = type.data[i];

		if (!ascii_is_alnum(c) && c != '-')
			return false;
	}
	return type.len > 0;
}

static bool
is_utf8_type(struct slice type)
{
	return slice_equal_text_nocase(type, "utf-8");
}

/* address-type ";" xtext (RFC 3461 4.2), or "utf-8;" unitext (RFC 6533 3). */
static enum smtp_syntax_result
take_orcpt(struct slice value, struct smtp_rcpt *r)
{
	struct slice type, address = value;

	if (!slice_split(&address, ';', &type) || !is_type(type) || type.len > 20)
		return SMTP_SYNTAX_PARAMETER_BAD;
	memcpy(r->orcpt, type.data, type.len);
	r->orcpt[type.len] = ';';
	if (!take_text(is_utf8_type(type) ? unitext_decode : xtext_decode, address,
		r->orcpt + type.len + 1, sizeof(r->orcpt) - type.len - 1))
		return SMTP_SYNTAX_PARAMETER_BAD;
	return SMTP_SYNTAX_OK;
}

enum parameter { SIZE, BODY, RET, ENVID, AUTH, NOTIFY, ORCPT };

static const struct {
	const char *name;
	enum smtp_verb verb;
	unsigned offer; /* 0: always known */
} parameters[] = {
    [SIZE] = {"SIZE", SMTP_VERB_MAIL, 0},
    [BODY] = {"BODY", SMTP_VERB_MAIL, 0},
    [RET] = {"RET", SMTP_VERB_MAIL, SMTP_OFFER_DSN},
    [ENVID] = {"ENVID", SMTP_VERB_MAIL, SMTP_OFFER_DSN},
    [AUTH] = {"AUTH", SMTP_VERB_MAIL, SMTP_OFFER_AUTH},
    [NOTIFY] = {"NOTIFY", SMTP_VERB_RCPT, SMTP_OFFER_DSN},
    [ORCPT] = {"ORCPT", SMTP_VERB_RCPT, SMTP_OFFER_DSN},
};

enum { PARAMETERS = sizeof(parameters) / sizeof(parameters[0]) };

static enum smtp_syntax_result
take_parameter(struct smtp_command *c, enum parameter which, struct slice value)
{
	switch (which) {
	case SIZE:
		return take_size(value, &c->mail);
	case BODY:
		return take_body(value, &c->mail);
	case RET:
		return take_ret(value, &c->mail);
	case ENVID:
		return take_envid(value, &c->mail);
	case AUTH:
		return take_auth(value, &c->mail);
	case NOTIFY:
		return take_notify(value, &c->rcpt);
	case ORCPT:
		return take_orcpt(value, &c->rcpt);
	}
	return SMTP_SYNTAX_PARAMETER_UNKNOWN;
}

/* The parameters behind a path; each at most once. */
static enum smtp_syntax_result
take_parameters(struct smtp_command *c, struct slice rest, unsigned offers)
{
	bool seen[PARAMETERS] = {false};
	struct slice word;

	while (slice_word(&rest, &word)) {
		ptrdiff_t equals = slice_find(word, '=');
		struct slice name = equals < 0 ? word : slice_sub(word, 0, (size_t)equals);
		struct slice value = equals < 0 ? slice_of(NULL) : slice_from(word, name.len + 1);
		enum smtp_syntax_result result;
		size_t i = 0;

		while (i < PARAMETERS && !slice_equal_text_nocase(name, parameters[i].name))
			i++;
		if (i == PARAMETERS)
			return is_type(name) ? SMTP_SYNTAX_PARAMETER_UNKNOWN : SMTP_SYNTAX_TRAILING;
		if (parameters[i].verb != c->verb || (parameters[i].offer & ~offers) != 0)
			return SMTP_SYNTAX_PARAMETER_UNKNOWN;
		if (seen[i])
			return SMTP_SYNTAX_PARAMETER_TWICE;
		seen[i] = true;
		result = take_parameter(c, (enum parameter)i, value);
		if (result != SMTP_SYNTAX_OK)
			return result;
	}
	return SMTP_SYNTAX_OK;
}

static enum smtp_syntax_result
judge_path(enum smtp_verb verb, enum address_result result)
{
	bool is_mail = verb == SMTP_VERB_MAIL;

	switch (result) {
	case ADDRESS_OK:
		return SMTP_SYNTAX_OK;
	case ADDRESS_TOO_LONG:
		return is_mail ? SMTP_SYNTAX_SENDER_TOO_LONG : SMTP_SYNTAX_RECIPIENT_TOO_LONG;
	case ADDRESS_UTF8:
		return SMTP_SYNTAX_UTF8_NOT_ALLOWED;
	case ADDRESS_SYNTAX:
	case ADDRESS_BAD_DOMAIN:
		break;
	}
	return is_mail ? SMTP_SYNTAX_SENDER_BAD : SMTP_SYNTAX_RECIPIENT_BAD;
}

/* "FROM:" or "TO:", spaces that clients wrongly put there, a path, parameters. */
static enum smtp_syntax_result
take_path(struct smtp_command *c, struct slice keyword, unsigned allow, unsigned offers)
{
	struct slice rest = c->argument;
	enum smtp_syntax_result result;

	if (!slice_has_prefix_nocase(rest, keyword))
		return c->verb == SMTP_VERB_MAIL ? SMTP_SYNTAX_MAIL_BAD : SMTP_SYNTAX_RCPT_BAD;
	rest = trim_spaces(slice_from(rest, keyword.len));
	result = judge_path(c->verb, address_path_parse(&rest, allow, &c->path));
	if (result != SMTP_SYNTAX_OK)
		return result;
	if (rest.len > 0 && rest.data[0] != ' ')
		return SMTP_SYNTAX_TRAILING;
	result = take_parameters(c, rest, offers);
	if (result != SMTP_SYNTAX_OK)
		return result;
	c->is_null = address_is_null(&c->path);
	return SMTP_SYNTAX_OK;
}

/* A mechanism (RFC 4422 3.1) and perhaps an initial response, still in base64. */
static enum smtp_syntax_result
take_auth_arguments(struct smtp_command *c)
{
	struct slice rest = c->argument;

	if (!slice_word(&rest, &c->mechanism))
		return SMTP_SYNTAX_ARGUMENT_MISSING;
	for (size_t i = 0; i < c->mechanism.len; i++) {
		char m = c->mechanism.data[i];

		if (!ascii_is_alnum(m) && m != '-' && m != '_')
			return SMTP_SYNTAX_ARGUMENT_BAD;
	}
	if (c->mechanism.len > 20)
		return SMTP_SYNTAX_ARGUMENT_BAD;
	c->has_initial = slice_word(&rest, &c->initial);
	return rest.len == 0 ? SMTP_SYNTAX_OK : SMTP_SYNTAX_ARGUMENT_BAD;
}

/* What a web browser, made to connect here by a page, says first. */
static bool
is_http(struct slice verb)
{
	static const char *const words[] = {
	    "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "Host:"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (slice_equal_text_nocase(verb, words[i]))
			return true;
	}
	return false;
}

static enum smtp_syntax_result
take_arguments(struct smtp_command *c, unsigned offers)
{
	unsigned bare = (offers & SMTP_OFFER_BARE) != 0 ? ADDRESS_ALLOW_BARE : 0;

	if (c->verb == SMTP_VERB_UNKNOWN)
		return SMTP_SYNTAX_UNKNOWN;
	switch (verbs[c->verb].argument) {
	case ARGUMENT_NONE:
		return c->argument.len == 0 ? SMTP_SYNTAX_OK : SMTP_SYNTAX_ARGUMENT_UNWANTED;
	case ARGUMENT_ANY:
		break;
	case ARGUMENT_SOME:
		return c->argument.len > 0 ? SMTP_SYNTAX_OK : SMTP_SYNTAX_ARGUMENT_MISSING;
	case ARGUMENT_HELLO:
		return is_hello(c->argument) ? SMTP_SYNTAX_OK : SMTP_SYNTAX_HELLO_BAD;
	case ARGUMENT_SENDER:
		return take_path(c, SLICE("FROM:"), ADDRESS_ALLOW_NULL | bare, offers);
	case ARGUMENT_RECIPIENT:
		return take_path(c, SLICE("TO:"), ADDRESS_ALLOW_POSTMASTER | bare, offers);
	case ARGUMENT_MECHANISM:
		return take_auth_arguments(c);
	}
	return SMTP_SYNTAX_OK;
}

/* Only addresses may be above ASCII, and those that VRFY and EXPN would only echo may not
 * be wrong. */
static bool
may_have_utf8(enum smtp_verb verb)
{
	return verb == SMTP_VERB_MAIL || verb == SMTP_VERB_RCPT || verb == SMTP_VERB_VRFY ||
	       verb == SMTP_VERB_EXPN;
}

enum smtp_syntax_result
smtp_command_parse(struct slice line, unsigned offers, struct smtp_command *c)
{
	struct slice name = line;
	ptrdiff_t space = slice_find(line, ' ');

	*c = (struct smtp_command){.verb = SMTP_VERB_UNKNOWN};
	if (space >= 0)
		name = slice_sub(line, 0, (size_t)space);
	for (size_t i = 1; i < VERBS; i++) {
		if (slice_equal_text_nocase(name, verbs[i].name))
			c->verb = (enum smtp_verb)i;
	}
	if (slice_has_control(line))
		return SMTP_SYNTAX_CONTROLS;
	if (!utf8_is_ascii(line) && (!may_have_utf8(c->verb) || !utf8_is_valid(line)))
		return SMTP_SYNTAX_NOT_ASCII;
	if (is_http(name))
		return SMTP_SYNTAX_HTTP;
	c->argument = trim_spaces(slice_from(line, name.len));
	return take_arguments(c, offers);
}

/* An address that goes between brackets; the grammar keeps CR, LF and the like out of it. */
static bool
add_path(struct buf *out, struct slice text, unsigned allow)
{
	struct buf path = {0};
	struct slice rest;
	struct address a;
	bool ok;

	buf_printf(&path, "<%.*s>", SLICE_FMT(text));
	rest = buf_slice(&path);
	ok = address_path_parse(&rest, allow | ADDRESS_ALLOW_UTF8, &a) == ADDRESS_OK &&
	     rest.len == 0;
	if (ok)
		buf_add_slice(out, buf_slice(&path));
	buf_fini(&path);
	return ok;
}

static void
add_xtext(struct buf *out, const char *name, const char *value)
{
	buf_add_text(out, name);
	xtext_encode(out, slice_of(value));
}

bool
smtp_mail_format(struct buf *out, struct slice sender, const struct smtp_mail *m)
{
	static const char *const bodies[] = {[SMTP_BODY_UNSAID] = "",
	    [SMTP_BODY_7BIT] = " BODY=7BIT",
	    [SMTP_BODY_8BITMIME] = " BODY=8BITMIME"};
	static const char *const rets[] = {
	    [RET_UNSAID] = "", [RET_FULL] = " RET=FULL", [RET_HDRS] = " RET=HDRS"};
	size_t before = out->len;

	buf_add_text(out, "MAIL FROM:");
	if (!add_path(out, sender, ADDRESS_ALLOW_NULL)) {
		buf_truncate(out, before);
		return false;
	}
	if (m->size > 0)
		buf_printf(out, " SIZE=%llu", (unsigned long long)m->size);
	buf_add_text(out, bodies[m->body]);
	buf_add_text(out, rets[m->ret]);
	if (m->envid[0] != '\0')
		add_xtext(out, " ENVID=", m->envid);
	if (m->has_auth && m->auth[0] == '\0')
		buf_add_text(out, " AUTH=<>");
	else if (m->has_auth)
		add_xtext(out, " AUTH=", m->auth);
	buf_add_text(out, "\r\n");
	return true;
}

static void
add_notify(struct buf *out, uint8_t notify)
{
	static const char *const words[] = {"SUCCESS", "FAILURE", "DELAY", "NEVER"};
	char mark = '=';

	if (notify == 0)
		return;
	buf_add_text(out, " NOTIFY");
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if ((notify & 1U << i) == 0)
			continue;
		buf_add_char(out, mark);
		buf_add_text(out, words[i]);
		mark = ',';
	}
}

static void
add_orcpt(struct buf *out, struct slice orcpt)
{
	struct slice type, address = orcpt;

	if (!slice_split(&address, ';', &type) || !is_type(type) || address.len == 0)
		return;
	buf_printf(out, " ORCPT=%.*s;", SLICE_FMT(type));
	if (is_utf8_type(type))
		unitext_encode(out, address);
	else
		xtext_encode(out, address);
}

bool
smtp_rcpt_format(struct buf *out, struct slice recipient, const struct smtp_rcpt *r)
{
	size_t before = out->len;

	buf_add_text(out, "RCPT TO:");
	if (!add_path(out, recipient, ADDRESS_ALLOW_POSTMASTER)) {
		buf_truncate(out, before);
		return false;
	}
	add_notify(out, r->notify);
	add_orcpt(out, slice_of(r->orcpt));
	buf_add_text(out, "\r\n");
	return true;
}
