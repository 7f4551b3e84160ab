/*
 * The grammar of smtpd.conf: OpenSMTPD's, and the lines that Kurir adds. What a line means is in
 * the file of its noun; here is only what may stand where. The words that Kurir adds come last in
 * the list and may still be names (see "word"), so that a configuration made for OpenSMTPD stays
 * what it was.
 */
%code requires {
#include "smtpd/parent/config/parser.h"
}

%code {
#include <string.h>

#define TRY(x)                                                                                     \
	do {                                                                                       \
		if (!(x))                                                                          \
			YYABORT;                                                                   \
	} while (0)

/* An option of the line in hand: it stands once, and sets what it is for. */
#define LISTEN_ONCE(at, name) option_once(&p->listen.had, at, name)
#define LISTEN_TEXT(at, name, field, text)                                                         \
	TRY(option_text(&p->listen.had, at, name, &p->listen.conf.field, text))
#define LISTEN_FLAG(at, name, field, value)                                                        \
	TRY(option_flag(&p->listen.had, at, name, &p->listen.conf.field, value))
#define ACTION_ONCE(at, name) option_once(&p->action.had, at, name)
#define ACTION_TEXT(at, name, field, text)                                                         \
	TRY(option_text(&p->action.had, at, name, &p->action.conf.field, text))
#define ACTION_FLAG(at, name, field, value)                                                        \
	TRY(option_flag(&p->action.had, at, name, &p->action.conf.field, value))

/* A rule stands where its first word stands. */
#define YYLLOC_DEFAULT(now, parts, n)                                                              \
	((now) = (n) > 0 ? YYRHSLOC(parts, 1) : YYRHSLOC(parts, 0))

static int yylex(YYSTYPE *value, struct place *at, struct parser *p);
static void yyerror(const struct place *at, struct parser *p, const char *text);
}

%define api.pure full
%define api.location.type {struct place}
%define api.token.prefix {WORD_}
%define parse.error custom
%define parse.lac full
%locations
%param {struct parser *p}

%union {
	const char *text;
	uint32_t number;
	uint8_t choice;
}

%token END 0 "the end of the file"
%token NEWLINE "the end of the line"
%token <text> STRING "a name or a value"

/* The words, from ACTION to SUBMISSIONS, by which keyword() knows them; those from ACCOUNTS on may be
 * names, too. */
%token ACTION "action" ADMD "admd" ALIAS "alias" ANY "any" AUTH "auth"
%token AUTH_OPTIONAL "auth-optional" BACKUP "backup" BOUNCE "bounce" CA "ca" CERT "cert"
%token CIPHERS "ciphers" COMPRESSION "compression" DHE "dhe" DOMAIN "domain"
%token ENCRYPTION "encryption" EXPAND_ONLY "expand-only" FILTER "filter" FOR "for"
%token FORWARD_ONLY "forward-only" FROM "from" HELO "helo" HELO_SRC "helo-src" HOST "host"
%token HOSTNAME "hostname" HOSTNAMES "hostnames" INCLUDE "include" INET4 "inet4" INET6 "inet6"
%token JUNK "junk" KEY "key" LIMIT "limit" LISTEN "listen" LMTP "lmtp" LOCAL "local"
%token MAIL_FROM "mail-from" MAILDIR "maildir" MASK_SRC "mask-src" MASQUERADE "masquerade"
%token MATCH "match" MAX_DEFERRED "max-deferred" MAX_MAILS "max-mails"
%token MAX_MESSAGE_SIZE "max-message-size" MAX_RCPT "max-rcpt" MBOX "mbox" MDA "mda" MTA "mta"
%token MX "mx" NO_DSN "no-dsn" NO_VERIFY "no-verify" ON "on" PKI "pki" PORT "port" PROC "proc"
%token PROTOCOLS "protocols" PROXY_V2 "proxy-v2" QUEUE "queue" RCPT_TO "rcpt-to" RDNS "rdns"
%token RECEIVED_AUTH "received-auth" REGEX "regex" REJECT "reject" RELAY "relay"
%token SCHEDULER "scheduler" SENDERS "senders" SMTP "smtp" SMTPS "smtps" SOCKET "socket"
%token SRC "src" SRS "srs" SUB_ADDR_DELIM "sub-addr-delim" TABLE "table" TAG "tag" TLS "tls"
%token TLS_REQUIRE "tls-require" TTL "ttl" USER "user" USERBASE "userbase" VERIFY "verify"
%token VIRTUAL "virtual" WARN_INTERVAL "warn-interval" WRAPPER "wrapper"
%token <text> ACCOUNTS "accounts" IMAP "imap" IMAPS "imaps" MAIL "mail" MAILBOX "mailbox"
%token <text> PATH "path" POP3 "pop3" POP3S "pop3s" PROCESSES "processes" RESOLVER "resolver"
%token <text> RUN "run" SUBMISSION "submission" SUBMISSIONS "submissions"

%type <text> word text table table_of_many service wrapper
%type <number> span
%type <choice> verified method method_of

%%

configuration
	: %empty
	| configuration NEWLINE
	| configuration line NEWLINE
	| configuration INCLUDE word NEWLINE
		{ TRY(parser_include(p, @3, $3)); }
	;

line
	: word '=' text
		{ TRY(lexer_set(p->lexer, $1, $3) || draft_fail(&p->draft, @1, "there are too many macros")); }
	| ADMD word
		{ draft_warn(&p->draft, @1, "admd has no effect: it is for filters, and there are none"); }
	| BOUNCE WARN_INTERVAL intervals
	| CA word CERT word { TRY(define_ca(&p->defined, @2, $2, $4)); }
	| PKI word CERT word { TRY(define_pki(&p->defined, @2, $2, $4, NULL)); }
	| PKI word KEY word { TRY(define_pki(&p->defined, @2, $2, NULL, $4)); }
	| PKI word DHE word
		{ draft_warn(&p->draft, @3, "dhe has no effect: keys are exchanged by ECDHE"); }
	| HOSTNAME word { TRY(value_hostname(&p->draft, @2, $2, &p->global.conf.hostname)); }
	| MAIL PATH word { TRY(value_path(&p->draft, @3, $3, &p->global.conf.mail_path)); }
	| RUN PATH word { TRY(value_path(&p->draft, @3, $3, &p->global.conf.run_path)); }
	| ACCOUNTS PATH word { TRY(value_path(&p->draft, @3, $3, &p->global.conf.accounts_path)); }
	| RESOLVER text { TRY(value_resolvers(&p->draft, @2, $2, &p->global.conf.dns_server)); }
	| PROCESSES word
		{ TRY(value_short(&p->draft, @2, $2, 8, &p->global.conf.processes)); }
	| MDA WRAPPER word word { TRY(define_wrapper(&p->defined, @3, $3, $4)); }
	| MDA LIMIT limit
	| MTA LIMIT limit
	| SCHEDULER LIMIT limit
	| MTA MAX_DEFERRED word
		{ TRY(value_number(&p->draft, @3, $3, 1, 1000000, &p->global.conf.mta_max_deferred)); }
	| MTA PORT word
		{ TRY(value_short(&p->draft, @3, $3, 65535, &p->global.conf.relay_port)); }
	| QUEUE queue
	| SMTP smtp
	| SRS srs
	| TABLE word { TRY(define_table(&p->defined, @2, $2)); } '{' entries '}'
	| TABLE word word { TRY(define_table_at(&p->defined, @2, $2, $3)); }
	| LISTEN ON word { listen_begin(&p->listen, &p->draft, false); }
		listen_options { TRY(listen_end(&p->listen, @3, $3)); }
	| LISTEN ON SOCKET { listen_begin(&p->listen, &p->draft, true); }
		socket_options { TRY(listen_end(&p->listen, @3, "socket")); }
	| ACTION action { TRY(action_end(&p->action, @1)); }
	| MATCH { match_begin(&p->match, &p->draft, @1); } conditions verdict
	;

/* A name or a value. */
word
	: STRING | ACCOUNTS | IMAP | IMAPS | MAIL | MAILBOX | PATH | POP3 | POP3S | PROCESSES
	| RESOLVER | RUN | SUBMISSION | SUBMISSIONS
	;

/* Words with blanks between them. */
text
	: word
	| text word { $$ = value_join(&p->draft, $1, $2); }
	;

span
	: word { TRY(value_span(&p->draft, @1, $1, &$$)); }
	;

intervals
	: word { global_warn_anew(&p->global); TRY(global_warn_add(&p->global, @1, $1)); }
	| intervals ',' word { TRY(global_warn_add(&p->global, @3, $3)); }
	;

/* What OpenSMTPD counts by hand adapts itself here. */
limit
	: limit_words
		{ draft_warn(&p->draft, @1, "this limit has no effect: Kurir adapts to what its peers take"); }
	;

limit_words
	: word
	| FOR DOMAIN word word
	| INET4
	| INET6
	| limit_words word
	;

queue
	: COMPRESSION
		{ draft_warn(&p->draft, @1, "compression has no effect: the queue keeps messages as they came"); }
	| ENCRYPTION
		{ TRY(draft_fail(&p->draft, @1, "the queue cannot be encrypted; "
			"remove the line, and put the queue's folder on an encrypted disk")); }
	| TTL span { p->global.conf.queue_ttl = $2; }
	| PATH word { TRY(value_path(&p->draft, @2, $2, &p->global.conf.queue_path)); }
	;

smtp
	: CIPHERS word { p->global.conf.smtp_ciphers = slice_of($2); }
	| MAX_MESSAGE_SIZE word { TRY(value_size(&p->draft, @2, $2, &p->global.conf.max_message)); }
	| LIMIT smtp_limits
	| SUB_ADDR_DELIM word { TRY(value_sign(&p->draft, @2, $2, &p->global.conf.sub_addr_delim)); }
	;

smtp_limits
	: smtp_limit
	| smtp_limits smtp_limit
	;

smtp_limit
	: MAX_MAILS word
		{ TRY(value_number(&p->draft, @2, $2, 1, 1000000, &p->global.conf.max_mails)); }
	| MAX_RCPT word
		{ TRY(value_number(&p->draft, @2, $2, 1, LIMIT_RECIPIENTS, &p->global.conf.max_rcpt)); }
	;

srs
	: KEY word { p->global.conf.srs_key = slice_of($2); }
	| KEY BACKUP word { p->global.conf.srs_key_backup = slice_of($3); }
	| TTL span { TRY(value_days(&p->draft, @2, $2, 1023, &p->global.conf.srs_ttl)); }
	;

/* Tables: by name, or where they are used. */
table
	: table_of_many
	| word
		{
			define_anonymous(&p->defined, @1);
			TRY(define_entry(&p->defined, @1, $1, NULL));
			$$ = define_last_table(&p->defined);
		}
	;

table_of_many
	: '<' word '>' { TRY(refer_table(&p->defined, @2, $2, &$$)); }
	| '{' { define_anonymous(&p->defined, @1); } entries '}' { $$ = define_last_table(&p->defined); }
	;

entries
	: %empty
	| entries NEWLINE
	| entries ','
	| entries word { TRY(define_entry(&p->defined, @2, $2, NULL)); }
	| entries word assign word { TRY(define_entry(&p->defined, @2, $2, $4)); }
	;

assign
	: '='
	| '=' '>'
	;

listen_options
	: %empty
	| listen_options listen_option
	| listen_options common_option
	;

socket_options
	: %empty
	| socket_options common_option
	;

/* Of every listener, the one on the socket too. */
common_option
	: MASK_SRC { LISTEN_FLAG(@1, "mask-src", mask_src, 1); }
	| NO_DSN { LISTEN_FLAG(@1, "no-dsn", no_dsn, 1); }
	| TAG word { LISTEN_TEXT(@1, "tag", tag, $2); }
	;

listen_option
	: service verified { TRY(listen_service(&p->listen, @1, $1, $2)); }
	| INET4 { p->listen.wants_inet4 = true; }
	| INET6 { p->listen.wants_inet6 = true; }
	| PORT word { TRY(LISTEN_ONCE(@1, "port") && listen_port(&p->listen, @2, $2)); }
	| PORT SMTP { TRY(LISTEN_ONCE(@1, "port") && listen_port(&p->listen, @2, "smtp")); }
	| PORT SMTPS { TRY(LISTEN_ONCE(@1, "port") && listen_port(&p->listen, @2, "smtps")); }
	| TLS { TRY(listen_tls(&p->listen, @1, TLS_OFFERED, false)); }
	| TLS_REQUIRE verified { TRY(listen_tls(&p->listen, @1, TLS_REQUIRED, $2)); }
	| PKI word { TRY(listen_pki(&p->listen, &p->defined, @2, $2)); }
	| CA word { TRY(LISTEN_ONCE(@1, "ca") && refer_ca(&p->defined, @2, $2, &p->listen.conf.ca)); }
	| CIPHERS word { LISTEN_TEXT(@1, "ciphers", ciphers, $2); }
	| PROTOCOLS word { LISTEN_TEXT(@1, "protocols", protocols, $2); }
	| AUTH { LISTEN_FLAG(@1, "auth", auth, AUTH_REQUIRED); }
	| AUTH table_of_many
		{ LISTEN_TEXT(@1, "auth", auth_table, $2); p->listen.conf.auth = AUTH_REQUIRED; }
	| AUTH_OPTIONAL { LISTEN_FLAG(@1, "auth", auth, AUTH_OPTIONAL); }
	| AUTH_OPTIONAL table_of_many
		{ LISTEN_TEXT(@1, "auth", auth_table, $2); p->listen.conf.auth = AUTH_OPTIONAL; }
	| HOSTNAME word
		{
			LISTEN_TEXT(@1, "hostname", hostname, $2);
			TRY(value_hostname(&p->draft, @2, $2, &p->listen.conf.hostname));
		}
	| HOSTNAMES table { LISTEN_TEXT(@1, "hostnames", hostnames, $2); }
	| SENDERS table { LISTEN_TEXT(@1, "senders", senders, $2); }
	| SENDERS table MASQUERADE
		{ LISTEN_TEXT(@1, "senders", senders, $2); p->listen.conf.masquerade = 1; }
	| RECEIVED_AUTH { LISTEN_FLAG(@1, "received-auth", received_auth, 1); }
	| PROXY_V2 { LISTEN_FLAG(@1, "proxy-v2", proxy_v2, 1); }
	;

service
	: SMTPS { $$ = "smtps"; }
	| IMAP | IMAPS | POP3 | POP3S | SUBMISSION | SUBMISSIONS
	;

verified
	: %empty { $$ = false; }
	| VERIFY { $$ = true; }
	;

action
	: word method { TRY(action_begin(&p->action, &p->draft, @1, $1, $2, NULL)); } local_options
	| word method_of word
		{ TRY(action_begin(&p->action, &p->draft, @1, $1, $2, $3)); } local_options
	| word RELAY
		{ TRY(action_begin(&p->action, &p->draft, @1, $1, METHOD_RELAY, NULL)); } relay_options
	;

method
	: MAILBOX { $$ = METHOD_MAILBOX; }
	| MAILDIR { $$ = METHOD_MAILDIR; }
	| MBOX { $$ = METHOD_MBOX; }
	| EXPAND_ONLY { $$ = METHOD_EXPAND_ONLY; }
	| FORWARD_ONLY { $$ = METHOD_FORWARD_ONLY; }
	;

/* Those with an argument. */
method_of
	: MAILDIR { $$ = METHOD_MAILDIR; }
	| LMTP { $$ = METHOD_LMTP; }
	| MDA { $$ = METHOD_MDA; }
	;

local_options
	: %empty
	| local_options local_option
	;

local_option
	: ALIAS table { ACTION_TEXT(@1, "alias", alias, $2); }
	| VIRTUAL table { ACTION_TEXT(@1, "virtual", virtual, $2); }
	| USERBASE table { ACTION_TEXT(@1, "userbase", userbase, $2); }
	| USER word { TRY(ACTION_ONCE(@1, "user") && action_user(&p->action, @1, $2)); }
	| WRAPPER wrapper { TRY(ACTION_ONCE(@1, "wrapper") && action_wrapper(&p->action, @2, $2)); }
	| TTL span { TRY(ACTION_ONCE(@1, "ttl")); p->action.conf.ttl = $2; }
	| JUNK { ACTION_FLAG(@1, "junk", junk, 1); }
	| RCPT_TO { ACTION_FLAG(@1, "rcpt-to", rcpt_to, 1); }
	;

wrapper
	: word { TRY(refer_wrapper(&p->defined, @1, $1, &$$)); }
	;

relay_options
	: %empty
	| relay_options relay_option
	;

relay_option
	: HOST word { TRY(ACTION_ONCE(@1, "host") && action_host(&p->action, @2, $2)); }
	| HOST table_of_many { ACTION_TEXT(@1, "host", host_table, $2); }
	| DOMAIN table { ACTION_TEXT(@1, "domain", domain_table, $2); }
	| AUTH table { ACTION_TEXT(@1, "auth", auth_table, $2); }
	| BACKUP { ACTION_FLAG(@1, "backup", backup, 1); }
	| BACKUP MX word
		{ ACTION_TEXT(@1, "backup", backup_mx, $3); p->action.conf.backup = 1; }
	| CA word { TRY(ACTION_ONCE(@1, "ca") && refer_ca(&p->defined, @2, $2, &p->action.conf.ca)); }
	| PKI word
		{ TRY(draft_fail(&p->draft, @1, "a relay shows no certificate of its own in "
			"this version; remove pki")); }
	| HELO word
		{
			ACTION_TEXT(@1, "helo", helo, $2);
			TRY(value_hostname(&p->draft, @2, $2, &p->action.conf.helo));
		}
	| HELO_SRC table { ACTION_TEXT(@1, "helo-src", helo_table, $2); }
	| SRC word { ACTION_TEXT(@1, "src", src, $2); }
	| SRC table_of_many { ACTION_TEXT(@1, "src", src_table, $2); }
	| MAIL_FROM word { ACTION_TEXT(@1, "mail-from", mail_from, $2); }
	| SRS { ACTION_FLAG(@1, "srs", srs, 1); }
	| TLS { ACTION_FLAG(@1, "tls", tls, RELAY_TLS_REQUIRED); }
	| TLS NO_VERIFY { ACTION_FLAG(@1, "tls", tls, RELAY_TLS_NO_VERIFY); }
	| PROTOCOLS word { ACTION_TEXT(@1, "protocols", protocols, $2); }
	| CIPHERS word { ACTION_TEXT(@1, "ciphers", ciphers, $2); }
	| TTL span { TRY(ACTION_ONCE(@1, "ttl")); p->action.conf.ttl = $2; }
	;

conditions
	: %empty
	| conditions negation FROM from
	| conditions negation FOR for
	| conditions negation condition
	;

negation
	: %empty { match_condition(&p->match, false); }
	| '!' { match_condition(&p->match, true); }
	;

from
	: ANY { TRY(match_add(&p->match, @1, FROM_ANY, NULL)); }
	| LOCAL { TRY(match_add(&p->match, @1, FROM_LOCAL, NULL)); }
	| SOCKET { TRY(match_add(&p->match, @1, FROM_SOCKET, NULL)); }
	| AUTH { TRY(match_add(&p->match, @1, FROM_AUTH, NULL)); }
	| AUTH regex table { TRY(match_add(&p->match, @1, FROM_AUTH, $3)); }
	| MAIL_FROM regex table { TRY(match_add(&p->match, @1, FROM_MAIL_FROM, $3)); }
	| RDNS { TRY(match_add(&p->match, @1, FROM_RDNS, NULL)); }
	| RDNS regex table { TRY(match_add(&p->match, @1, FROM_RDNS, $3)); }
	| SRC regex table { TRY(match_add(&p->match, @1, FROM_SRC, $3)); }
	;

for
	: ANY { TRY(match_add(&p->match, @1, FOR_ANY, NULL)); }
	| LOCAL { TRY(match_add(&p->match, @1, FOR_LOCAL, NULL)); }
	| DOMAIN regex table { TRY(match_add(&p->match, @1, FOR_DOMAIN, $3)); }
	| RCPT_TO regex table { TRY(match_add(&p->match, @1, FOR_RCPT_TO, $3)); }
	;

condition
	: AUTH { TRY(match_add(&p->match, @1, WITH_AUTH, NULL)); }
	| AUTH regex table { TRY(match_add(&p->match, @1, WITH_AUTH, $3)); }
	| HELO regex table { TRY(match_add(&p->match, @1, WITH_HELO, $3)); }
	| MAIL_FROM regex table { TRY(match_add(&p->match, @1, WITH_MAIL_FROM, $3)); }
	| RCPT_TO regex table { TRY(match_add(&p->match, @1, WITH_RCPT_TO, $3)); }
	| TAG regex table { TRY(match_add(&p->match, @1, WITH_TAG, $3)); }
	| TLS { TRY(match_add(&p->match, @1, WITH_TLS, NULL)); }
	;

regex
	: %empty
	| REGEX { p->match.is_regex = true; }
	;

verdict
	: ACTION word { TRY(match_end(&p->match, @2, $2)); }
	| REJECT { TRY(match_end(&p->match, @1, NULL)); }
	;

%%

/* The words of the grammar stand in the order of their tokens. */
static int
keyword(const char *text)
{
	for (int kind = YYSYMBOL_ACTION; kind <= YYSYMBOL_SUBMISSIONS; kind++) {
		if (strcmp(yysymbol_name((yysymbol_kind_t)kind), text) == 0)
			return WORD_ACTION + kind - YYSYMBOL_ACTION;
	}
	return WORD_STRING;
}

static int
yylex(YYSTYPE *value, struct place *at, struct parser *p)
{
	struct lexer_token t;

	p->before = p->token;
	t = p->token = lexer_next(p->lexer, p->draft.why);
	*at = t.at;
	value->text = t.text;
	switch (t.kind) {
	case LEXER_WORD:
		return keyword(t.text);
	case LEXER_STRING:
		return WORD_STRING;
	case LEXER_NEWLINE:
		return WORD_NEWLINE;
	case LEXER_SIGN:
		return t.text[0];
	case LEXER_END:
		return WORD_END;
	case LEXER_WRONG:
		break;
	}
	return WORD_YYerror; /* it has been said */
}

static void
yyerror(const struct place *at, struct parser *p, const char *text)
{
	draft_fail(&p->draft, *at, "%s", text);
}

static int
yyreport_syntax_error(const yypcontext_t *context, struct parser *p)
{
	yysymbol_kind_t kinds[YYNTOKENS];
	int count = yypcontext_expected_tokens(context, kinds, YYNTOKENS);
	const char *names[YYNTOKENS];
	bool has_word = false;
	size_t n = 0;

	for (int i = 0; i < count; i++)
		has_word |= kinds[i] == YYSYMBOL_STRING;
	for (int i = 0; i < count; i++) {
		bool is_name = kinds[i] >= YYSYMBOL_ACCOUNTS && kinds[i] <= YYSYMBOL_SUBMISSIONS;

		if ((!has_word || !is_name) && kinds[i] != YYSYMBOL_YYEOF && kinds[i] != YYSYMBOL_NEWLINE)
			names[n++] = yysymbol_name(kinds[i]);
	}
	for (int i = 0; i < count; i++) {
		if (kinds[i] == YYSYMBOL_NEWLINE)
			names[n++] = yysymbol_name(kinds[i]);
	}
	parser_unexpected(p, names, n);
	return 0;
}
