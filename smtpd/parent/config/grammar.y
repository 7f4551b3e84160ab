/*
 * The grammar of smtpd.conf: OpenSMTPD's, and the lines that Kurir adds. What a rule means is in
 * parser.h; here is only what may stand where. The words that Kurir adds come last in the list and
 * may still be names (see "word"), so that a configuration made for OpenSMTPD stays what it was.
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

%type <text> word text table table_of_many service
%type <number> span
%type <choice> verified

%%

configuration
	: %empty
	| configuration NEWLINE
	| configuration line NEWLINE { option_begin(p); }
	| configuration INCLUDE word NEWLINE
		{ TRY(config_include(p, @3, $3)); }
	;

line
	: word '=' text
		{ TRY(lexer_set(p->lexer, $1, $3) || config_fail(p, @1, "there are too many macros")); }
	| ADMD word
		{ config_warn(p, @1, "admd has no effect: it is for filters, and there are none"); }
	| BOUNCE WARN_INTERVAL intervals
	| CA word CERT word { TRY(define_ca(p, @2, $2, $4)); }
	| PKI word CERT word { TRY(define_pki(p, @2, $2, $4, NULL)); }
	| PKI word KEY word { TRY(define_pki(p, @2, $2, NULL, $4)); }
	| PKI word DHE word
		{ config_warn(p, @3, "dhe has no effect: keys are exchanged by ECDHE"); }
	| HOSTNAME word { p->global.hostname = slice_of($2); }
	| MAIL PATH word { TRY(value_path(p, @3, $3, &p->global.mail_path)); }
	| RUN PATH word { TRY(value_path(p, @3, $3, &p->global.run_path)); }
	| ACCOUNTS PATH word { TRY(value_path(p, @3, $3, &p->global.accounts_path)); }
	| RESOLVER text { p->global.dns_server = slice_of($2); }
	| PROCESSES word
		{ TRY(value_short(p, @2, $2, 8, &p->global.processes)); }
	| MDA WRAPPER word word { TRY(define_wrapper(p, @3, $3, $4)); }
	| MDA LIMIT limit
	| MTA LIMIT limit
	| SCHEDULER LIMIT limit
	| MTA MAX_DEFERRED word
		{ TRY(value_number(p, @3, $3, 1, 1000000, &p->global.mta_max_deferred)); }
	| MTA PORT word
		{ TRY(value_short(p, @3, $3, 65535, &p->global.relay_port)); }
	| QUEUE queue
	| SMTP smtp
	| SRS srs
	| TABLE word { TRY(define_table(p, @2, $2)); } '{' entries '}'
	| TABLE word word { TRY(define_table_at(p, @2, $2, $3)); }
	| LISTEN ON word { listen_begin(p, 0); } listen_options { TRY(listen_end(p, @3, $3)); }
	| LISTEN ON SOCKET
		{ listen_begin(p, 1); } socket_options { TRY(listen_end(p, @3, "socket")); }
	| ACTION action { TRY(action_end(p, @1)); }
	| MATCH { match_begin(p, @1); } conditions verdict
	;

/* A name or a value. */
word
	: STRING | ACCOUNTS | IMAP | IMAPS | MAIL | MAILBOX | PATH | POP3 | POP3S | PROCESSES
	| RESOLVER | RUN | SUBMISSION | SUBMISSIONS
	;

/* Words with blanks between them. */
text
	: word
	| text word { $$ = value_join(p, $1, $2); }
	;

span
	: word { TRY(value_span(p, @1, $1, &$$)); }
	;

intervals
	: word { buf_clear(&p->warn_intervals); TRY(value_warn_interval(p, @1, $1)); }
	| intervals ',' word { TRY(value_warn_interval(p, @3, $3)); }
	;

/* What OpenSMTPD counts by hand adapts itself here. */
limit
	: limit_words
		{ config_warn(p, @1, "this limit has no effect: Kurir adapts to what its peers take"); }
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
		{ config_warn(p, @1, "compression has no effect: the queue keeps messages as they came"); }
	| ENCRYPTION
		{ TRY(config_fail(p, @1, "the queue cannot be encrypted; "
			"remove the line, and put the queue's folder on an encrypted disk")); }
	| TTL span { p->global.queue_ttl = $2; }
	| PATH word { TRY(value_path(p, @2, $2, &p->global.queue_path)); }
	;

smtp
	: CIPHERS word { p->global.smtp_ciphers = slice_of($2); }
	| MAX_MESSAGE_SIZE word { TRY(value_size(p, @2, $2, &p->global.max_message)); }
	| LIMIT MAX_MAILS word { TRY(value_number(p, @3, $3, 1, 1000000, &p->global.max_mails)); }
	| LIMIT MAX_RCPT word
		{ TRY(value_number(p, @3, $3, 1, LIMIT_RECIPIENTS, &p->global.max_rcpt)); }
	| SUB_ADDR_DELIM word { TRY(value_delimiter(p, @2, $2)); }
	;

srs
	: KEY word { p->global.srs_key = slice_of($2); }
	| KEY BACKUP word { p->global.srs_key_backup = slice_of($3); }
	| TTL span { TRY(value_days(p, @2, $2, 1023, &p->global.srs_ttl)); }
	;

/* Tables: by name, or where they are used. */
table
	: table_of_many
	| word
		{ define_anonymous(p); TRY(define_entry(p, @1, $1, NULL)); $$ = define_last_table(p); }
	;

table_of_many
	: '<' word '>' { TRY(refer_table(p, @2, $2, &$$)); }
	| '{' { define_anonymous(p); } entries '}' { $$ = define_last_table(p); }
	;

entries
	: %empty
	| entries NEWLINE
	| entries ','
	| entries word { TRY(define_entry(p, @2, $2, NULL)); }
	| entries word assign word { TRY(define_entry(p, @2, $2, $4)); }
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
	: MASK_SRC { TRY(option_flag(p, @1, "mask-src", &p->listen.mask_src, 1)); }
	| NO_DSN { TRY(option_flag(p, @1, "no-dsn", &p->listen.no_dsn, 1)); }
	| TAG word { TRY(option_text(p, @1, "tag", &p->listen.tag, $2)); }
	;

listen_option
	: service verified { TRY(listen_service(p, @1, $1, $2)); }
	| INET4 { p->wants_inet4 = true; }
	| INET6 { p->wants_inet6 = true; }
	| PORT word { TRY(option_once(p, @1, "port") && listen_port(p, @2, $2)); }
	| PORT SMTP { TRY(option_once(p, @1, "port") && listen_port(p, @2, "smtp")); }
	| PORT SMTPS { TRY(option_once(p, @1, "port") && listen_port(p, @2, "smtps")); }
	| TLS { TRY(listen_tls(p, @1, TLS_OFFERED, false)); }
	| TLS_REQUIRE verified { TRY(listen_tls(p, @1, TLS_REQUIRED, $2)); }
	| PKI word { struct slice s; TRY(refer_pki(p, @2, $2, &s)); ipc_list_add(&p->pkis, s); }
	| CA word { TRY(option_once(p, @1, "ca") && refer_ca(p, @2, $2, &p->listen.ca)); }
	| CIPHERS word { TRY(option_text(p, @1, "ciphers", &p->listen.ciphers, $2)); }
	| PROTOCOLS word { TRY(option_text(p, @1, "protocols", &p->listen.protocols, $2)); }
	| AUTH { TRY(option_flag(p, @1, "auth", &p->listen.auth, AUTH_REQUIRED)); }
	| AUTH table_of_many
		{ TRY(option_text(p, @1, "auth", &p->listen.auth_table, $2)); p->listen.auth = AUTH_REQUIRED; }
	| AUTH_OPTIONAL { TRY(option_flag(p, @1, "auth", &p->listen.auth, AUTH_OPTIONAL)); }
	| AUTH_OPTIONAL table_of_many
		{ TRY(option_text(p, @1, "auth", &p->listen.auth_table, $2)); p->listen.auth = AUTH_OPTIONAL; }
	| HOSTNAME word { TRY(option_text(p, @1, "hostname", &p->listen.hostname, $2)); }
	| HOSTNAMES table { TRY(option_text(p, @1, "hostnames", &p->listen.hostnames, $2)); }
	| SENDERS table { TRY(option_text(p, @1, "senders", &p->listen.senders, $2)); }
	| SENDERS table MASQUERADE
		{ TRY(option_text(p, @1, "senders", &p->listen.senders, $2)); p->listen.masquerade = 1; }
	| RECEIVED_AUTH { TRY(option_flag(p, @1, "received-auth", &p->listen.received_auth, 1)); }
	| PROXY_V2 { TRY(option_flag(p, @1, "proxy-v2", &p->listen.proxy_v2, 1)); }
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
	: word MAILBOX { TRY(action_begin(p, @1, $1, METHOD_MAILBOX)); } local_options
	| word MAILDIR { TRY(action_begin(p, @1, $1, METHOD_MAILDIR)); } local_options
	| word MAILDIR word
		{ TRY(action_begin(p, @1, $1, METHOD_MAILDIR)); p->action.argument = slice_of($3); }
		local_options
	| word MBOX { TRY(action_begin(p, @1, $1, METHOD_MBOX)); } local_options
	| word LMTP word
		{ TRY(action_begin(p, @1, $1, METHOD_LMTP)); p->action.argument = slice_of($3); }
		local_options
	| word MDA word
		{ TRY(action_begin(p, @1, $1, METHOD_MDA)); p->action.argument = slice_of($3); }
		local_options
	| word EXPAND_ONLY { TRY(action_begin(p, @1, $1, METHOD_EXPAND_ONLY)); } local_options
	| word FORWARD_ONLY { TRY(action_begin(p, @1, $1, METHOD_FORWARD_ONLY)); } local_options
	| word RELAY { TRY(action_begin(p, @1, $1, METHOD_RELAY)); } relay_options
	;

local_options
	: %empty
	| local_options local_option
	;

local_option
	: ALIAS table { TRY(option_text(p, @1, "alias", &p->action.alias, $2)); }
	| VIRTUAL table { TRY(option_text(p, @1, "virtual", &p->action.virtual, $2)); }
	| USERBASE table { TRY(option_text(p, @1, "userbase", &p->action.userbase, $2)); }
	| USER word { TRY(option_once(p, @1, "user") && action_user(p, @1, $2)); }
	| WRAPPER word { TRY(option_once(p, @1, "wrapper") && action_wrapper(p, @2, $2)); }
	| TTL span { TRY(option_once(p, @1, "ttl")); p->action.ttl = $2; }
	| JUNK { TRY(option_flag(p, @1, "junk", &p->action.junk, 1)); }
	| RCPT_TO { TRY(option_flag(p, @1, "rcpt-to", &p->action.rcpt_to, 1)); }
	;

relay_options
	: %empty
	| relay_options relay_option
	;

relay_option
	: HOST word { TRY(option_once(p, @1, "host") && action_host(p, @2, $2)); }
	| HOST table_of_many { TRY(option_text(p, @1, "host", &p->action.host_table, $2)); }
	| DOMAIN table { TRY(option_text(p, @1, "domain", &p->action.domain_table, $2)); }
	| AUTH table { TRY(option_text(p, @1, "auth", &p->action.auth_table, $2)); }
	| BACKUP { TRY(option_flag(p, @1, "backup", &p->action.backup, 1)); }
	| BACKUP MX word
		{ TRY(option_text(p, @1, "backup", &p->action.backup_mx, $3)); p->action.backup = 1; }
	| CA word { TRY(option_once(p, @1, "ca") && refer_ca(p, @2, $2, &p->action.ca)); }
	| PKI word
		{ TRY(config_fail(p, @1, "a relay shows no certificate of its own in this version; remove pki")); }
	| HELO word { TRY(option_text(p, @1, "helo", &p->action.helo, $2)); }
	| HELO_SRC table { TRY(option_text(p, @1, "helo-src", &p->action.helo_table, $2)); }
	| SRC word { TRY(option_text(p, @1, "src", &p->action.src, $2)); }
	| SRC table_of_many { TRY(option_text(p, @1, "src", &p->action.src_table, $2)); }
	| MAIL_FROM word { TRY(option_text(p, @1, "mail-from", &p->action.mail_from, $2)); }
	| SRS { TRY(option_flag(p, @1, "srs", &p->action.srs, 1)); }
	| TLS { TRY(option_flag(p, @1, "tls", &p->action.tls, RELAY_TLS_REQUIRED)); }
	| TLS NO_VERIFY { TRY(option_flag(p, @1, "tls", &p->action.tls, RELAY_TLS_NO_VERIFY)); }
	| PROTOCOLS word { TRY(option_text(p, @1, "protocols", &p->action.protocols, $2)); }
	| CIPHERS word { TRY(option_text(p, @1, "ciphers", &p->action.ciphers, $2)); }
	| TTL span { TRY(option_once(p, @1, "ttl")); p->action.ttl = $2; }
	;

conditions
	: %empty
	| conditions negation FROM from
	| conditions negation FOR for
	| conditions negation condition
	;

negation
	: %empty { p->is_negated = false; p->is_regex = false; }
	| '!' { p->is_negated = true; p->is_regex = false; }
	;

from
	: ANY { TRY(match_add(p, @1, FROM_ANY, NULL)); }
	| LOCAL { TRY(match_add(p, @1, FROM_LOCAL, NULL)); }
	| SOCKET { TRY(match_add(p, @1, FROM_SOCKET, NULL)); }
	| AUTH { TRY(match_add(p, @1, FROM_AUTH, NULL)); }
	| AUTH regex table { TRY(match_add(p, @1, FROM_AUTH, $3)); }
	| MAIL_FROM regex table { TRY(match_add(p, @1, FROM_MAIL_FROM, $3)); }
	| RDNS { TRY(match_add(p, @1, FROM_RDNS, NULL)); }
	| RDNS regex table { TRY(match_add(p, @1, FROM_RDNS, $3)); }
	| SRC regex table { TRY(match_add(p, @1, FROM_SRC, $3)); }
	;

for
	: ANY { TRY(match_add(p, @1, FOR_ANY, NULL)); }
	| LOCAL { TRY(match_add(p, @1, FOR_LOCAL, NULL)); }
	| DOMAIN regex table { TRY(match_add(p, @1, FOR_DOMAIN, $3)); }
	| RCPT_TO regex table { TRY(match_add(p, @1, FOR_RCPT_TO, $3)); }
	;

condition
	: AUTH { TRY(match_add(p, @1, WITH_AUTH, NULL)); }
	| AUTH regex table { TRY(match_add(p, @1, WITH_AUTH, $3)); }
	| HELO regex table { TRY(match_add(p, @1, WITH_HELO, $3)); }
	| MAIL_FROM regex table { TRY(match_add(p, @1, WITH_MAIL_FROM, $3)); }
	| RCPT_TO regex table { TRY(match_add(p, @1, WITH_RCPT_TO, $3)); }
	| TAG regex table { TRY(match_add(p, @1, WITH_TAG, $3)); }
	| TLS { TRY(match_add(p, @1, WITH_TLS, NULL)); }
	;

regex
	: %empty
	| REGEX { p->is_regex = true; }
	;

verdict
	: ACTION word { TRY(match_end(p, @2, $2)); }
	| REJECT { TRY(match_end(p, @1, NULL)); }
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
	t = p->token = lexer_next(p->lexer, p->why);
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
	config_fail(p, *at, "%s", text);
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
	config_unexpected(p, names, n);
	return 0;
}
