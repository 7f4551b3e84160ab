#include "tests/unit/unit.h"

#include "common/mail/expand.h"

UNIT_SUITE(expand);

static const struct {
	const char *text, *want; /* NULL: refused */
} cases[] = {
    {"plain", "plain"},
    {"~/Mail/%{dest.user}/%{sender.domain}", "~/Mail/bob+x/Sender.test"},
    {"%{user.directory}/%{user.username}", "/home/bob/bob"},
    {"%{sender}", "Ann@Sender.test"},
    {"%{rcpt.user:strip}", "Bob"},
    {"%{rcpt:strip} %{sender:strip}", "Bob@here.test Ann@Sender.test"},
    {"%{rcpt:uppercase|strip} %{rcpt:strip|lowercase}", "BOB@HERE.TEST bob@here.test"},
    {"%{sender.domain[0:5]} %{sender.domain[0:-5]} %{sender.domain[-4:]}", "Sender Sender test"},
    {"100%% of %%{rcpt} %d %%%{user.username}%", "100% of %{rcpt} %d %bob%"},
    {"%{rcpt:strip|strip}", NULL},
    {"%{rcpt:|strip}", NULL},
    {"%{sender:lowercase} %{sender.user:uppercase}", "ann@sender.test ANN"},
    {"%{dest.user:strip,uppercase}", "BOB"},
    {"%{dest.user[0]}%{dest.user[1:2]}%{dest.user[-1]}%{dest.user[:-2]}", "bobxbob"},
    {"%{dest.user[0:1]:uppercase}", "BO"},
    {"%{dest.user[9:12]}%{dest.user[3:1]}", ""},
    {"%{mbox.from}", "Ann@Sender.test"},
    {"100%", "100%"},
    {"%{nothing}", NULL},
    {"%{sender.host}", NULL},
    {"%{sender:raw}", NULL},
    {"%{sender[x]}", NULL},
    {"%{sender", NULL},
    {"%{}", NULL},
};

Test(expand, replaces_what_it_knows)
{
	struct expand_words w = {.sender = SLICE("Ann@Sender.test"),
	    .rcpt = SLICE("Bob+tag@here.test"),
	    .dest = SLICE("bob+x@here.test"),
	    .username = SLICE("bob"),
	    .directory = SLICE("/home/bob"),
	    .mbox_from = SLICE("Ann@Sender.test"),
	    .delimiter = '+'};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = {0};
		char wrong[EXPAND_WRONG] = "";
		bool ok = expand(slice_of(cases[i].text), &w, &out, wrong);

		cr_assert_eq(ok, cases[i].want != NULL, "%s: %s", cases[i].text, wrong);
		if (ok)
			cr_slice_eq(buf_slice(&out), cases[i].want);
		else
			cr_assert_neq(wrong[0], '\0');
		buf_fini(&out);
	}
}

Test(expand, lets_no_stranger_into_a_path_or_a_shell)
{
	struct expand_words w = {
	    .sender = SLICE("-x;`a`$(b)|'\"\\ \n/../~!@s.test"), .delimiter = '+'};
	struct buf out = {0};
	char wrong[EXPAND_WRONG];

	cr_assert(expand(SLICE("%{sender}"), &w, &out, wrong));
	cr_slice_eq(buf_slice(&out), ":x::a:::b::::::::..:::@s.test");
	buf_fini(&out);
}

Test(expand, is_bounded)
{
	static char long_word[EXPAND_MOST + 1];
	struct expand_words w = {.sender = {long_word, sizeof(long_word)}};
	struct buf out = {0};
	char wrong[EXPAND_WRONG];

	cr_assert_not(expand(SLICE("%{sender}"), &w, &out, wrong));
	buf_fini(&out);
}
