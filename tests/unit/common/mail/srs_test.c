#include "tests/unit/unit.h"

#include "common/mail/srs.h"

#include <ctype.h>
#include <string.h>

UNIT_SUITE(srs);

static const struct srs ours = {.key = {"a secret of ours", 16}, .days = 4, .today = 20000};

static char *
encode(const struct srs *s, const char *sender, const char *domain)
{
	struct buf out = {0};

	if (srs_encode(&out, s, slice_of(sender), slice_of(domain)))
		return buf_take(&out, NULL);
	cr_assert_eq(out.len, 0);
	buf_fini(&out);
	return NULL;
}

static void
decodes(const struct srs *s, const char *address, enum srs_result wanted, const char *back)
{
	struct buf out = {0};

	cr_assert_eq(srs_decode(&out, s, slice_of(address)), wanted, "%s", address);
	cr_assert_str_eq(buf_text(&out), back, "%s", address);
	buf_fini(&out);
}

Test(srs, leads_back_to_the_sender)
{
	char *a = encode(&ours, "Joe.Doe=x@sender.test", "ours.test");

	cr_assert(strncmp(a, "SRS0=", 5) == 0);
	cr_assert_eq(a[13], '=');
	cr_assert_str_eq(a + 16, "=sender.test=Joe.Doe=x@ours.test");
	decodes(&ours, a, SRS_OK, "Joe.Doe=x@sender.test");
	for (char *c = a; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	decodes(&ours, a, SRS_OK, "joe.doe=x@sender.test");
	free(a);
}

Test(srs, the_time_ends)
{
	char *a = encode(&ours, "joe@sender.test", "ours.test");
	struct srs later = ours;

	later.today = ours.today + 4;
	decodes(&later, a, SRS_OK, "joe@sender.test");
	later.today++;
	decodes(&later, a, SRS_OLD, "");
	later.today = ours.today - 1; /* from the future */
	decodes(&later, a, SRS_OLD, "");
	later.today = ours.today / 1024 * 1024 + 1024 + 2;
	free(a);
	struct srs before = later;
	before.today = later.today - 4; /* across the end of the 1024 days */
	a = encode(&before, "joe@sender.test", "ours.test");
	decodes(&later, a, SRS_OK, "joe@sender.test");
	free(a);
}

Test(srs, a_change_anywhere_is_seen)
{
	char *a = encode(&ours, "joe@sender.test", "ours.test"), *at = strrchr(a, '@');

	for (char *c = a + 5; c < at; c++) {
		char was = *c;

		*c = was == 'a' ? 'b' : 'a';
		if (was != 'A')
			decodes(&ours, a, SRS_FORGED, "");
		*c = was;
	}
	a[3] = '1'; /* the tag of one kind is none of the other */
	decodes(&ours, a, SRS_FORGED, "");
	free(a);
}

Test(srs, the_key_before_still_opens)
{
	struct srs renewed = {
	    .key = SLICE("the new one"), .backup = ours.key, .days = 4, .today = 20001};
	struct srs other = {.key = SLICE("a secret of ourt"), .days = 4, .today = 20001};
	char *a = encode(&ours, "joe@sender.test", "ours.test");
	char *b = encode(&renewed, "joe@sender.test", "ours.test");

	decodes(&renewed, a, SRS_OK, "joe@sender.test");
	decodes(&renewed, b, SRS_OK, "joe@sender.test");
	decodes(&ours, b, SRS_FORGED, "");
	decodes(&other, a, SRS_FORGED, "");
	free(a);
	free(b);
}

Test(srs, forwarders_behind_each_other)
{
	struct srs second = {.key = SLICE("second"), .days = 4, .today = 20000};
	struct srs third = {.key = SLICE("third"), .days = 4, .today = 20000};
	char *a = encode(&ours, "joe@sender.test", "ours.test");
	char *b = encode(&second, a, "second.test");
	char *c = encode(&third, b, "third.test");

	cr_assert(strncmp(b, "SRS1=", 5) == 0);
	cr_assert_not_null(strstr(b, "=ours.test=="));
	decodes(&second, b, SRS_OK, a);
	/* The third leads to the first at once. */
	cr_assert_not_null(strstr(c, "=ours.test=="));
	decodes(&third, c, SRS_OK, a);
	decodes(&second, c, SRS_FORGED, "");
	free(a);
	free(b);
	free(c);
}

/* What looks like SRS1 and leads nowhere is a sender like any other. */
Test(srs, no_forwarder_stands_before)
{
	static const char *const senders[] = {"SRS1=abc=no!host==x@s.test",
	    "SRS1=abc=first.test=x@s.test", "SRS1=abc=first.test==@s.test"};

	for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
		char *a = encode(&ours, senders[i], "ours.test");

		cr_assert(strncmp(a, "SRS0=", 5) == 0, "%s", senders[i]);
		decodes(&ours, a, SRS_OK, senders[i]);
		free(a);
	}
}

Test(srs, some_senders_stay)
{
	static const char *const stay[] = {"joe@ours.test", "joe@OURS.test", "", "joe",
	    "\"a b\"@sender.test", "a-local-part-so-long-that-it-has-no-room-for-more@sender.test"};

	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		cr_assert_null(encode(&ours, stay[i], "ours.test"), "%s", stay[i]);
}

Test(srs, what_is_no_address_of_ours)
{
	static const struct {
		const char *text;
		enum srs_result result;
	} cases[] = {
	    {"joe@sender.test", SRS_NONE},
	    {"SRS0@sender.test", SRS_NONE},
	    {"SRS2=a=b=c@sender.test", SRS_NONE},
	    {"SRS0x@sender.test", SRS_NONE},
	    {"", SRS_NONE},
	    {"SRS0=", SRS_NONE},
	    {"SRS0=@sender.test", SRS_FORGED},
	    {"SRS0===@sender.test", SRS_FORGED},
	    {"SRS0=AAAAAAAA=AA=x=y@sender.test", SRS_FORGED},
	    {"SRS1=AAAAAAAA=x==y@sender.test", SRS_FORGED},
	    {"srs0+AAAAAAAA=AA=x=y@sender.test", SRS_FORGED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		decodes(&ours, cases[i].text, cases[i].result, "");
}
