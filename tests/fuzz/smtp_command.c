/* Lines of an SMTP client: what is accepted can be said again, and means the same. */
#include "tests/fuzz/fuzz.h"

#include "common/mail/smtp_syntax.h"

enum { EVERYTHING = SMTP_OFFER_DSN | SMTP_OFFER_AUTH };

/* What was accepted holds nothing that could begin a line elsewhere. */
static void
check_texts(const struct smtp_command *c, struct slice line)
{
	PROPERTY(fuzz_is_printable(line));
	PROPERTY(fuzz_lies_in(c->argument, line));
	PROPERTY(fuzz_lies_in(c->path.local, line) && fuzz_lies_in(c->path.domain, line));
	PROPERTY(fuzz_lies_in(c->mechanism, line) && fuzz_lies_in(c->initial, line));
	PROPERTY(fuzz_is_printable(slice_of(c->mail.auth)));
	PROPERTY(fuzz_is_printable(slice_of(c->mail.envid)));
	PROPERTY(fuzz_is_printable(slice_of(c->rcpt.orcpt)));
	PROPERTY(c->path.local.len <= LIMIT_LOCAL_PART && c->path.domain.len <= LIMIT_DOMAIN);
}

/* As who offers that does with a name that has no domain. */
static void
complete(struct address *path)
{
	if (path->local.len > 0 && path->domain.len == 0)
		path->domain = SLICE("host.example.test");
}

static struct smtp_command
parse_again(struct buf *line)
{
	struct smtp_command c;

	PROPERTY(line->len > 2 && slice_has_suffix_nocase(buf_slice(line), SLICE("\r\n")));
	buf_truncate(line, line->len - 2);
	PROPERTY(smtp_command_parse(buf_slice(line), EVERYTHING, &c) == SMTP_SYNTAX_OK);
	return c;
}

static void
check_mail(const struct smtp_command *c)
{
	struct buf sender = {0}, line = {0};
	struct smtp_command again;

	address_format(&sender, &c->path);
	PROPERTY(smtp_mail_format(&line, buf_slice(&sender), &c->mail));
	again = parse_again(&line);
	PROPERTY(again.verb == SMTP_VERB_MAIL && again.is_null == c->is_null);
	PROPERTY(address_equal(&again.path, &c->path));
	PROPERTY(again.mail.size == c->mail.size && again.mail.body == c->mail.body);
	PROPERTY(again.mail.ret == c->mail.ret);
	PROPERTY(again.mail.has_auth == c->mail.has_auth);
	PROPERTY(strcmp(again.mail.auth, c->mail.auth) == 0);
	PROPERTY(strcmp(again.mail.envid, c->mail.envid) == 0);
	buf_fini(&sender);
	buf_fini(&line);
}

static void
check_rcpt(const struct smtp_command *c)
{
	struct buf recipient = {0}, line = {0};
	struct smtp_command again;

	address_format(&recipient, &c->path);
	if (smtp_rcpt_format(&line, buf_slice(&recipient), &c->rcpt)) {
		again = parse_again(&line);
		PROPERTY(again.verb == SMTP_VERB_RCPT);
		PROPERTY(address_equal(&again.path, &c->path));
		PROPERTY(again.rcpt.notify == c->rcpt.notify);
		PROPERTY(strcmp(again.rcpt.orcpt, c->rcpt.orcpt) == 0);
	} else {
		PROPERTY(line.len == 0);
	}
	buf_fini(&recipient);
	buf_fini(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice line = fuzz_slice(data, size);
	unsigned offers = fuzz_octet(&line);
	struct smtp_command c;
	enum smtp_syntax_result result = smtp_command_parse(line, offers, &c);

	PROPERTY(smtp_verb_name(c.verb) != NULL && smtp_syntax_text(result) != NULL);
	if (result != SMTP_SYNTAX_OK)
		return 0;
	check_texts(&c, line);
	if ((offers & SMTP_OFFER_BARE) != 0)
		complete(&c.path);
	if (c.verb == SMTP_VERB_MAIL)
		check_mail(&c);
	if (c.verb == SMTP_VERB_RCPT)
		check_rcpt(&c);
	return 0;
}
