#include "tests/unit/unit.h"

#include "smtpd/lookup/target.h"

UNIT_SUITE(target);

/* A list, and what it says: a letter for the kind and the text of each. */
static const struct {
	const char *list;
	const char *says;
} lists[] = {
    {"alice", "U alice\n"},
    {" alice , Bob,carol@Example.org ,", "U alice\nU bob\nA carol@Example.org\n"},
    {"\\root", "P root\n"},
    {"<alice@example.org>", "A alice@example.org\n"},
    {"|/bin/cat -u", "C |/bin/cat -u\n"},
    {"\"|/bin/echo a, b\", alice", "C |/bin/echo a, b\nU alice\n"},
    {"|\"/bin/echo a, b\"", "C |/bin/echo a, b\n"},
    {"\"|echo \\\"x\\\" \\\\\"", "C |echo \"x\" \\\n"},
    {"|sh -c \"a, b\" c", "C |sh -c \"a, b\" c\n"},
    {"/var/mail/box", "F /var/mail/box\n"},
    {"\"/var/mail/a box\"", "F /var/mail/a box\n"},
    {":include:/etc/list", "I /etc/list\n"},
    {":include:list", "W list\n"},
    {"error:550 5.1.1 gone, for good", "E 550 5.1.1 gone, for good\n"},
    {"error:550 gone", "E 550 5.0.0 gone\n"},
    {"\"error:450 4.2.1 later\"", "E 450 4.2.1 later\n"},
    {"error:550 4.2.1 odd", "E 550 5.0.0 4.2.1 odd\n"},
    {"error:550 a\rb", "E 550 5.0.0 a?b\n"},
    {"error:250 fine", "W \n"},
    {"error:", "W \n"},
    {"|", "W |\n"},
    {"two words", "W two words\n"},
    {"a@b@c", "W a@b@c\n"},
    {"a\tb", "W a\tb\n"},
    {"a\001b", "W a\001b\n"},
    {"\xff", "W \xff\n"},
    {"", ""},
    {",,, ,", ""},
};

static void
say(struct buf *out, const struct target *t)
{
	static const char letters[] = {[TARGET_USER] = 'U',
	    [TARGET_ADDRESS] = 'A',
	    [TARGET_COMMAND] = 'C',
	    [TARGET_FILE] = 'F',
	    [TARGET_INCLUDE] = 'I',
	    [TARGET_ERROR] = 'E',
	    [TARGET_WRONG] = 'W'};

	buf_add_char(out, t->is_plain ? 'P' : letters[t->kind]);
	buf_add_char(out, ' ');
	buf_add_slice(out, buf_slice(&t->text));
	buf_add_char(out, '\n');
}

Test(target, reads_lists)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct slice rest = slice_of(lists[i].list);
		struct target t;
		struct buf out = {0};

		target_init(&t);
		while (target_next(&rest, &t))
			say(&out, &t);
		cr_slice_eq(buf_slice(&out), lists[i].says);
		target_fini(&t);
		buf_fini(&out);
	}
}

Test(target, reads_files)
{
	struct slice rest =
			 SLICE("# mine\nalice, bob\r\n\n   carol\t# hers\n  #,dave\n|cat # not a "
			       "comment\n\"a # b\"@x\nx#y@z # two\nerror:550 no # 5\nlast"),
		     line = SLICE("");
	struct target t;
	struct buf out = {0};

	target_init(&t);
	while (target_next_line(&rest, &line, &t))
		say(&out, &t);
	cr_slice_eq(buf_slice(&out),
	    "U alice\nU bob\nU carol\nC |cat # not a comment\nA \"a # b\"@x\nA x#y@z\nE 550 "
	    "5.0.0 no # 5\nU last\n");
	target_fini(&t);
	buf_fini(&out);
}

Test(target, a_target_has_a_limit)
{
	char text[1100];
	struct slice rest;
	struct target t;

	memset(text, 'x', sizeof(text));
	text[0] = '/';
	target_init(&t);
	rest = slice_make(text, 1024);
	cr_assert(target_next(&rest, &t));
	cr_assert_eq(t.kind, TARGET_FILE);
	rest = slice_make(text, 1025);
	cr_assert(target_next(&rest, &t));
	cr_assert_eq(t.kind, TARGET_WRONG);
	target_fini(&t);
}
