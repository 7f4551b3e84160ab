#include "common/mail/smtp_syntax.h"

#include "tests/unit/unit.h"

UNIT_SUITE(smtp_syntax);

enum { ALL = SMTP_OFFER_DSN | SMTP_OFFER_AUTH };

static const char *
text_of(enum smtp_syntax_result r)
{
	return smtp_syntax_text(r);
}

static const struct {
	const char *line;
	enum smtp_verb verb;
	enum smtp_syntax_result want;
} results[] = {
#define C(line, verb, want) \
	{ \
		line, SMTP_VERB_##verb, SMTP_SYNTAX_##want \
	}
    C("EHLO client.example", EHLO, OK),
    C("ehlo client.example ", EHLO, OK),
    C("HELO my_pc", HELO, OK),
    C("LHLO x", LHLO, OK),
    C("EHLO [192.0.2.1]", EHLO, OK),
    C("EHLO [IPv6:2001:db8::1]", EHLO, OK),
    C("EHLO [2001:db8::1]", EHLO, OK),
    C("EHLO", EHLO, HELLO_BAD),
    C("EHLO  ", EHLO, HELLO_BAD),
    C("EHLO <script>", EHLO, HELLO_BAD),
    C("EHLO a\x1b[2Jb", EHLO, CONTROLS),
    C("EHLO [IPv6:::::]", EHLO, HELLO_BAD),
    C("EHLO [192.0.2.1", EHLO, HELLO_BAD),
    C("EHLO [a]", EHLO, HELLO_BAD),
    C("EHLO a b", EHLO, HELLO_BAD),
    C("EHLO x\nX-Injected: y", EHLO, CONTROLS),
    C("EHLO \xc3\xbc", EHLO, NOT_ASCII),
    C("MAIL FROM:<a@b>", MAIL, OK),
    C("mail from:<a@b>", MAIL, OK),
    C("MAIL FROM: <a@b>", MAIL, OK),
    C("MAIL  FROM:<a@b>", MAIL, OK),
    C("MAIL FROM:<>", MAIL, OK),
    C("MAIL FROM:<a@b> ", MAIL, OK),
    C("MAIL FROM:<a@b>\rRCPT TO:<good>", UNKNOWN, CONTROLS),
    C("MAIL FROM:<a@b>\r", MAIL, CONTROLS),
    C("MAIL FROM:<a@b>\t", MAIL, CONTROLS),
    C("MAIL", MAIL, MAIL_BAD),
    C("MAIL TO:<a@b>", MAIL, MAIL_BAD),
    C("MAIL FROM <a@b>", MAIL, MAIL_BAD),
    C("MAIL FROM:a@b", MAIL, SENDER_BAD),
    C("MAIL FROM:<postmaster>", MAIL, SENDER_BAD),
    C("MAIL FROM:<;touch${IFS}/tmp/M;>", MAIL, SENDER_BAD),
    C("MAIL FROM:<a@b>SIZE=1", MAIL, TRAILING),
    C("MAIL FROM:<a@b> SIZE=99999999999999999999999", MAIL, SIZE_TOO_LARGE),
    C("MAIL FROM:<a@b> SIZE=-1", MAIL, PARAMETER_BAD),
    C("MAIL FROM:<a@b> SIZE=4e9", MAIL, PARAMETER_BAD),
    C("MAIL FROM:<a@b> SIZE=", MAIL, PARAMETER_BAD),
    C("MAIL FROM:<a@b> SIZE", MAIL, PARAMETER_BAD),
    C("MAIL FROM:<a@b> SIZE=1 SIZE=1", MAIL, PARAMETER_TWICE),
    C("MAIL FROM:<a@b> SIZE=0 size=0", MAIL, PARAMETER_TWICE),
    C("MAIL FROM:<a@b> BODY=9BIT", MAIL, PARAMETER_BAD),
    C("MAIL FROM:<a@b> BODY=BINARYMIME", MAIL, PARAMETER_BAD),
    C("MAIL FROM:<a@b> RET=EVIL", MAIL, PARAMETER_BAD),
    C("MAIL FROM:<a@b> FOO=1", MAIL, PARAMETER_UNKNOWN),
    C("MAIL FROM:<a@b> NOTIFY=NEVER", MAIL, PARAMETER_UNKNOWN),
    C("MAIL FROM:<a@b> SMTPUTF8=1", MAIL, PARAMETER_UNKNOWN),
    C("MAIL FROM:<a@b> SMTPUTF8", MAIL, PARAMETER_UNKNOWN), /* a value may be missing: 4.1.2 */
    C("MAIL FROM:<a@b> ENVID=a+0D+0AX:+20y", MAIL, PARAMETER_BAD),
    C("MAIL FROM:<a@b> ENVID=+ZZ", MAIL, PARAMETER_BAD),
    C("MAIL FROM:<a@b> ENVID=", MAIL, PARAMETER_BAD),
    C("MAIL FROM:<a@b> AUTH=a+0Ab", MAIL, PARAMETER_BAD),
    C("MAIL FROM:<a@b> AUTH=a", MAIL, PARAMETER_BAD),
    C("MAIL FROM:<a@b> AUTH=<>", MAIL, OK),
    C("MAIL FROM:<a@b> AUTH=x+2By@b", MAIL, OK),
    C("MAIL FROM:<\xc3\xbc@b>", MAIL, UTF8_NOT_ALLOWED),
    C("MAIL FROM:<\xc3\xbc@b> SMTPUTF8", MAIL, UTF8_NOT_ALLOWED),
    C("MAIL FROM:<a\xc3@b> SMTPUTF8", MAIL, NOT_ASCII),
    C("MAIL FROM:<a\xc0\xaf@b> SMTPUTF8", MAIL, NOT_ASCII),
    C("MAIL FROM:<a\xe2\x80\xae@b>", MAIL, UTF8_NOT_ALLOWED),
    C("RCPT TO:<good@ours>", RCPT, OK),
    C("RCPT TO:<postmaster>", RCPT, OK),
    C("RCPT TO:<Postmaster>", RCPT, OK),
    C("RCPT TO:<good", RCPT, RECIPIENT_BAD),
    C("RCPT TO:<<good@ours>>", RCPT, RECIPIENT_BAD),
    C("RCPT TO:<good@ours> x", RCPT, PARAMETER_UNKNOWN),
    C("RCPT TO:<good@ours>,<far@x>", RCPT, TRAILING),
    C("RCPT TO:good@ours>", RCPT, RECIPIENT_BAD),
    C("RCPT TO:<>", RCPT, RECIPIENT_BAD),
    C("RCPT TO:<\"\"@ours>", RCPT, RECIPIENT_BAD),
    C("RCPT TO:<\"a\\\"@ours>", RCPT, RECIPIENT_BAD),
    C("RCPT TO:<a@[127.0.0.1>", RCPT, RECIPIENT_BAD),
    C("RCPT TO:<far>", RCPT, RECIPIENT_BAD),
    C("RCPT TO:<@ours:far>", RCPT, RECIPIENT_BAD),
    C("RCPT TO:<a@ours@h>", RCPT, RECIPIENT_BAD),
    C("RCPT TO:<u@far.>", RCPT, RECIPIENT_BAD),
    C("RCPT TO:<\xc3\xbc@b>", RCPT, UTF8_NOT_ALLOWED),
    C("RCPT TO:<a@b> NOTIFY=NEVER,FAILURE", RCPT, PARAMETER_BAD),
    C("RCPT TO:<a@b> NOTIFY=FAILURE,FAILURE", RCPT, PARAMETER_BAD),
    C("RCPT TO:<a@b> NOTIFY=FAILURE,", RCPT, PARAMETER_BAD),
    C("RCPT TO:<a@b> NOTIFY=,FAILURE", RCPT, PARAMETER_BAD),
    C("RCPT TO:<a@b> NOTIFY=", RCPT, PARAMETER_BAD),
    C("RCPT TO:<a@b> NOTIFY", RCPT, PARAMETER_BAD),
    C("RCPT TO:<a@b> NOTIFY=NEVER NOTIFY=NEVER", RCPT, PARAMETER_TWICE),
    C("RCPT TO:<a@b> ORCPT=rfc822;a+0D+0Ab", RCPT, PARAMETER_BAD),
    C("RCPT TO:<a@b> ORCPT=rfc822;", RCPT, PARAMETER_BAD),
    C("RCPT TO:<a@b> ORCPT=a@b", RCPT, PARAMETER_BAD),
    C("RCPT TO:<a@b> ORCPT=;a@b", RCPT, PARAMETER_BAD),
    C("RCPT TO:<a@b> ORCPT=r f;a@b", RCPT, PARAMETER_BAD),
    C("RCPT TO:<a@b> ORCPT=rfc822;\xc3\xbc@b", RCPT, PARAMETER_BAD),
    C("RCPT TO:<a@b> SIZE=1", RCPT, PARAMETER_UNKNOWN),
    C("RCPT TO:<a@b> =", RCPT, TRAILING),
    C("DATA", DATA, OK),
    C("data ", DATA, OK),
    C("DATA x", DATA, ARGUMENT_UNWANTED),
    C("RSET x", RSET, ARGUMENT_UNWANTED),
    C("QUIT", QUIT, OK),
    C("STARTTLS x", STARTTLS, ARGUMENT_UNWANTED),
    C("NOOP whatever it is", NOOP, OK),
    C("HELP", HELP, OK),
    C("VRFY", VRFY, ARGUMENT_MISSING),
    C("VRFY <\xc3\xbc@x>", VRFY, OK),
    C("EXPN list", EXPN, OK),
    C("AUTH", AUTH, ARGUMENT_MISSING),
    C("AUTH PLAIN", AUTH, OK),
    C("AUTH PLAIN AGFsaWNlAHg=", AUTH, OK),
    C("AUTH PLAIN a b", AUTH, ARGUMENT_BAD),
    C("AUTH PL/AIN", AUTH, ARGUMENT_BAD),
    C("AUTH ABCDEFGHIJKLMNOPQRSTU", AUTH, ARGUMENT_BAD),
    C("BDAT 0 LAST", UNKNOWN, UNKNOWN),
    C("", UNKNOWN, UNKNOWN),
    C(" QUIT", UNKNOWN, UNKNOWN),
    C("QUITX", UNKNOWN, UNKNOWN),
    C("GET / HTTP/1.1", UNKNOWN, HTTP),
    C("POST / HTTP/1.1", UNKNOWN, HTTP),
    C("Host: x", UNKNOWN, HTTP),
    C("\x16\x03\x01", UNKNOWN, CONTROLS),
#undef C
};

Test(smtp_syntax, results)
{
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		struct smtp_command c;
		enum smtp_syntax_result got =
		    smtp_command_parse(slice_of(results[i].line), ALL, &c);

		cr_assert_eq(got, results[i].want, "%s: %s", results[i].line, text_of(got));
		if (got != SMTP_SYNTAX_CONTROLS)
			cr_assert_eq(c.verb, results[i].verb, "%s", results[i].line);
	}
}

Test(smtp_syntax, every_result_is_a_reply)
{
	static const char *const codes[] = {
#define R(name, code, enhanced, sentence) #code " " enhanced,
	    SMTP_SYNTAX_RESULTS(R)
#undef R
	};

	for (int i = 1; i < (int)(sizeof(codes) / sizeof(codes[0])); i++) {
		cr_assert_eq(smtp_syntax_code((enum smtp_syntax_result)i) / 100, 5);
		cr_assert_eq(smtp_syntax_enhanced((enum smtp_syntax_result)i)[0], '5');
		cr_assert_gt(strlen(smtp_syntax_text((enum smtp_syntax_result)i)), 10);
	}
	cr_assert_str_eq(smtp_verb_name(SMTP_VERB_STARTTLS), "STARTTLS");
	cr_assert_str_eq(smtp_verb_name(SMTP_VERB_UNKNOWN), "");
}

Test(smtp_syntax, nul_is_refused_and_cuts_nothing)
{
	struct smtp_command c;

	cr_assert_eq(
	    smtp_command_parse(SLICE("MAIL FROM:<a\0b@c>"), ALL, &c), SMTP_SYNTAX_CONTROLS);
	cr_assert_eq(smtp_command_parse(SLICE("NOOP\0x"), ALL, &c), SMTP_SYNTAX_CONTROLS);
	cr_assert_eq(
	    smtp_command_parse(SLICE("RCPT TO:<good@ours>\0@x"), ALL, &c), SMTP_SYNTAX_CONTROLS);
	cr_assert_eq(smtp_command_parse(SLICE("QUIT\0"), ALL, &c), SMTP_SYNTAX_CONTROLS);
	for (int i = 0; i < 128; i++) {
		char line[] = "NOOP ?";

		line[5] = (char)i;
		cr_assert_eq(smtp_command_parse(slice_make(line, 6), ALL, &c),
		    i < ' ' || i == 127 ? SMTP_SYNTAX_CONTROLS : SMTP_SYNTAX_OK);
	}
}

Test(smtp_syntax, mail_with_everything)
{
	struct smtp_command c;
	struct slice line = SLICE("MAIL FROM:<\"a b\"@Ours> SIZE=123456 BODY=8bitmime RET=hdrs "
				  "ENVID=QQ+2B1 AUTH=e+3Dmc2@example.com");

	cr_assert_eq(smtp_command_parse(line, ALL, &c), SMTP_SYNTAX_OK);
	cr_slice_eq(c.path.local, "\"a b\"");
	cr_slice_eq(c.path.domain, "Ours");
	cr_assert_not(c.is_null);
	cr_assert_eq(c.mail.size, 123456);
	cr_assert_eq(c.mail.body, SMTP_BODY_8BITMIME);
	cr_assert_eq(c.mail.ret, RET_HDRS);
	cr_assert_str_eq(c.mail.envid, "QQ+1");
	cr_assert(c.mail.has_auth);
	cr_assert_str_eq(c.mail.auth, "e=mc2@example.com");
	cr_assert_eq(smtp_command_parse(SLICE("MAIL FROM:<>"), 0, &c), SMTP_SYNTAX_OK);
	cr_assert(c.is_null);
	cr_assert_eq(c.mail.size, 0);
	cr_assert_eq(c.mail.body, SMTP_BODY_UNSAID);
}

Test(smtp_syntax, what_is_not_offered_is_unknown)
{
	static const struct {
		const char *line;
		unsigned offer;
	} cases[] = {
	    {"MAIL FROM:<a@b> RET=FULL", SMTP_OFFER_DSN},
	    {"MAIL FROM:<a@b> ENVID=x", SMTP_OFFER_DSN},
	    {"RCPT TO:<a@b> NOTIFY=NEVER", SMTP_OFFER_DSN},
	    {"RCPT TO:<a@b> ORCPT=rfc822;a@b", SMTP_OFFER_DSN},
	    {"MAIL FROM:<a@b> AUTH=<>", SMTP_OFFER_AUTH},
	};
	static const char *const bare[] = {"MAIL FROM:<ann>", "RCPT TO:<ann> NOTIFY=NEVER"};
	struct smtp_command c;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice line = slice_of(cases[i].line);

		cr_assert_eq(smtp_command_parse(line, ALL & ~cases[i].offer, &c),
		    SMTP_SYNTAX_PARAMETER_UNKNOWN);
		cr_assert_eq(smtp_command_parse(line, cases[i].offer, &c), SMTP_SYNTAX_OK);
	}
	for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
		cr_assert_neq(smtp_command_parse(slice_of(bare[i]), ALL, &c), SMTP_SYNTAX_OK);
		cr_assert_eq(smtp_command_parse(slice_of(bare[i]), ALL | SMTP_OFFER_BARE, &c),
		    SMTP_SYNTAX_OK);
		cr_slice_eq(c.path.local, "ann");
		cr_assert_eq(c.path.domain.len, 0);
	}
}

Test(smtp_syntax, rcpt_with_everything)
{
	struct smtp_command c;

	cr_assert_eq(smtp_command_parse(
			 SLICE("RCPT TO:<a@b> NOTIFY=delay,SUCCESS ORCPT=rfc822;c+2Bd@e"), ALL, &c),
	    SMTP_SYNTAX_OK);
	cr_assert_eq(c.rcpt.notify, NOTIFY_DELAY | NOTIFY_SUCCESS);
	cr_assert_str_eq(c.rcpt.orcpt, "rfc822;c+d@e");
	cr_assert_eq(smtp_command_parse(SLICE("RCPT TO:<a@b> ORCPT=UTF-8;\\x{FC}@b"), ALL, &c),
	    SMTP_SYNTAX_OK);
	cr_assert_str_eq(c.rcpt.orcpt, "UTF-8;\xc3\xbc@b");
	cr_assert_eq(smtp_command_parse(SLICE("RCPT TO:<a@b> ORCPT=utf-8;\\x{0A}@b"), ALL, &c),
	    SMTP_SYNTAX_PARAMETER_BAD);
}

Test(smtp_syntax, limits)
{
	static const struct {
		const char *before;
		size_t times;
		const char *after;
		enum smtp_syntax_result want;
	} cases[] = {
	    {"MAIL FROM:<", LIMIT_LOCAL_PART, "@b>", SMTP_SYNTAX_OK},
	    {"MAIL FROM:<", LIMIT_LOCAL_PART + 1, "@b>", SMTP_SYNTAX_SENDER_TOO_LONG},
	    {"RCPT TO:<", 900, "@b>", SMTP_SYNTAX_RECIPIENT_TOO_LONG},
	    {"RCPT TO:<a@", 64, ">", SMTP_SYNTAX_RECIPIENT_BAD},
	    {"RCPT TO:<a@", 256, ">", SMTP_SYNTAX_RECIPIENT_TOO_LONG},
	    {"RCPT TO:<a@[IPv6:", 300, "]>", SMTP_SYNTAX_RECIPIENT_TOO_LONG},
	    {"EHLO ", LIMIT_HOSTNAME, "", SMTP_SYNTAX_OK},
	    {"EHLO ", LIMIT_HOSTNAME + 1, "", SMTP_SYNTAX_HELLO_BAD},
	    {"EHLO [2001:", 300, "]", SMTP_SYNTAX_HELLO_BAD},
	    {"MAIL FROM:<a@b> ENVID=", LIMIT_ENVID, "", SMTP_SYNTAX_OK},
	    {"MAIL FROM:<a@b> ENVID=", LIMIT_ENVID + 1, "", SMTP_SYNTAX_PARAMETER_BAD},
	    {"RCPT TO:<a@b> ORCPT=rfc822;", LIMIT_ORCPT - 7, "", SMTP_SYNTAX_OK},
	    {"RCPT TO:<a@b> ORCPT=rfc822;", LIMIT_ORCPT - 6, "", SMTP_SYNTAX_PARAMETER_BAD},
	    {"RCPT TO:<a@b> ORCPT=", 600, ";a", SMTP_SYNTAX_PARAMETER_BAD},
	    {"MAIL FROM:<a@b> AUTH=", 400, "@b", SMTP_SYNTAX_PARAMETER_BAD},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf line = {0};
		struct smtp_command c;

		buf_add_text(&line, cases[i].before);
		for (size_t n = 0; n < cases[i].times; n++)
			buf_add_char(&line, 'a');
		buf_add_text(&line, cases[i].after);
		cr_assert_eq(smtp_command_parse(buf_slice(&line), ALL, &c), cases[i].want, "%s",
		    buf_text(&line));
		buf_fini(&line);
	}
}

Test(smtp_syntax, auth_with_and_without_a_response)
{
	struct smtp_command c;

	cr_assert_eq(smtp_command_parse(SLICE("AUTH plain ="), 0, &c), SMTP_SYNTAX_OK);
	cr_slice_eq(c.mechanism, "plain");
	cr_assert(c.has_initial);
	cr_slice_eq(c.initial, "=");
	cr_assert_eq(smtp_command_parse(SLICE("AUTH LOGIN"), 0, &c), SMTP_SYNTAX_OK);
	cr_assert_not(c.has_initial);
}

Test(smtp_syntax, what_is_written_is_read)
{
	struct smtp_mail m = {.size = 77,
	    .body = SMTP_BODY_8BITMIME,
	    .ret = RET_FULL,
	    .has_auth = true,
	    .envid = "a b+c"};
	struct smtp_rcpt r = {.notify = NOTIFY_SUCCESS | NOTIFY_DELAY, .orcpt = "rfc822;x=y z@b"};
	struct smtp_command c;
	struct buf out = {0};

	cr_assert(smtp_mail_format(&out, SLICE("a@b"), &m));
	cr_slice_eq(buf_slice(&out),
	    "MAIL FROM:<a@b> SIZE=77 BODY=8BITMIME RET=FULL ENVID=a+20b+2Bc AUTH=<>\r\n");
	cr_assert_eq(smtp_command_parse(slice_sub(buf_slice(&out), 0, out.len - 2), ALL, &c),
	    SMTP_SYNTAX_OK);
	cr_assert_str_eq(c.mail.envid, m.envid);
	buf_clear(&out);
	cr_assert(smtp_rcpt_format(&out, SLICE("a@b"), &r));
	cr_slice_eq(
	    buf_slice(&out), "RCPT TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+3Dy+20z@b\r\n");
	cr_assert_eq(smtp_command_parse(slice_sub(buf_slice(&out), 0, out.len - 2), ALL, &c),
	    SMTP_SYNTAX_OK);
	cr_assert_str_eq(c.rcpt.orcpt, r.orcpt);
	buf_clear(&out);
	r = (struct smtp_rcpt){.notify = NOTIFY_NEVER, .orcpt = "utf-8;\xc3\xbc@b"};
	cr_assert(smtp_rcpt_format(&out, SLICE("postmaster"), &r));
	cr_slice_eq(buf_slice(&out), "RCPT TO:<postmaster> NOTIFY=NEVER ORCPT=utf-8;\\x{FC}@b\r\n");
	buf_clear(&out);
	cr_assert(smtp_mail_format(&out, SLICE(""), &(struct smtp_mail){.body = SMTP_BODY_7BIT}));
	cr_slice_eq(buf_slice(&out), "MAIL FROM:<> BODY=7BIT\r\n");
	buf_fini(&out);
}

Test(smtp_syntax, no_address_breaks_a_command)
{
	const struct slice evil[] = {
	    SLICE("a@b\r\nRCPT TO:<x@y"),
	    SLICE("a@b> SIZE=1"),
	    SLICE("a\nb@c"),
	    SLICE("a\0b@c"),
	    SLICE("a"),
	    SLICE("a@b>,<c@d"),
	    SLICE("\"a\r\nb\"@c"),
	};
	struct smtp_mail m = {.size = 0};
	struct smtp_rcpt r = {.notify = 0, .orcpt = "evil\r\n;x"};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		cr_assert_not(smtp_mail_format(&out, evil[i], &m), "%zu", i);
		cr_assert_not(smtp_rcpt_format(&out, evil[i], &r), "%zu", i);
		cr_assert_eq(out.len, 0);
	}
	cr_assert_not(smtp_rcpt_format(&out, SLICE(""), &r));
	cr_assert(smtp_rcpt_format(&out, SLICE("a@b"), &r));
	cr_slice_eq(buf_slice(&out), "RCPT TO:<a@b>\r\n");
	buf_fini(&out);
}
