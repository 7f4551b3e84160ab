#include "tests/unit/unit.h"

#include "smtpd/lookup/folders.h"

#include <stdio.h>

UNIT_SUITE(folders);

static const struct {
	const char *path, *folder;
} cases[] = {
    {"/etc/mail/aliases", "/etc/mail"},
    {"/aliases", "/"},
    {"tables/aliases", "tables"},
    {"aliases", "."},
};

Test(folders, are_those_of_the_files)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *folder = folder_of(slice_of(cases[i].path));

		cr_assert_str_eq(folder, cases[i].folder);
		free(folder);
	}
}

Test(folders, hold_any_number_of_files)
{
	struct folders f = {.count = 0};
	struct error why = {""};
	char path[64];

	for (int i = 0; i < 10 * LIMIT_TABLE_FOLDERS; i++) {
		snprintf(path, sizeof(path), "/etc/%s/table-%d", i % 2 == 0 ? "mail" : "post", i);
		cr_assert(folders_add(&f, slice_of(path), &why), "%s", why.text);
	}
	cr_assert_eq(f.count, 2);
	cr_assert_str_eq(f.names[0], "/etc/mail");
	cr_assert_str_eq(f.names[1], "/etc/post");
	cr_assert_null(f.names[2]);
	folders_fini(&f);
}

Test(folders, tell_whether_others_are_among_them)
{
	struct folders all = {.count = 0}, some = {.count = 0};
	struct error why = {""};

	cr_assert(folders_hold(&all, &some));
	cr_assert(folders_add(&all, SLICE("/etc/mail/a"), &why));
	cr_assert(folders_add(&all, SLICE("/etc/post/a"), &why));
	cr_assert(folders_add(&some, SLICE("/etc/post/b"), &why));
	cr_assert(folders_hold(&all, &some));
	cr_assert(folders_add(&some, SLICE("/etc/pos/b"), &why));
	cr_assert_not(folders_hold(&all, &some));
	folders_fini(&all);
	folders_fini(&some);
}

Test(folders, are_refused_with_a_sentence_when_they_are_too_many)
{
	struct folders f = {.count = 0};
	struct error why = {""};
	char path[64];

	for (int i = 0; i < LIMIT_TABLE_FOLDERS; i++) {
		snprintf(path, sizeof(path), "/etc/%d/table", i);
		cr_assert(folders_add(&f, slice_of(path), &why), "%s", why.text);
	}
	cr_assert_not(folders_add(&f, SLICE("/etc/more/table"), &why));
	cr_assert_neq(strstr(why.text, "/etc/more/table"), NULL, "%s", why.text);
	cr_assert(folders_add(&f, SLICE("/etc/7/another"), &why), "%s", why.text);
	folders_fini(&f);
}
