#include "tests/unit/unit.h"

#include "common/base/json.h"

UNIT_SUITE(json);

/* The object that holds one string. */
static struct buf
with_string(struct slice value)
{
	struct buf b = {0};
	struct json j;

	json_begin(&j, &b);
	json_string(&j, "s", value);
	json_end(&j);
	return b;
}

Test(json, an_object_in_an_object)
{
	struct buf b = {0};
	struct json j;

	buf_add_text(&b, "before ");
	json_begin(&j, &b);
	json_begin_member(&j, "empty");
	json_end(&j);
	json_begin_member(&j, "full");
	json_flag(&j, "yes", true);
	json_flag(&j, "no", false);
	json_end(&j);
	json_string(&j, "text", SLICE("{"));
	json_number(&j, "least", INT64_MIN);
	json_count(&j, "most", UINT64_MAX);
	json_end(&j);
	cr_assert_str_eq(buf_text(&b),
	    "before {\"empty\":{},\"full\":{\"yes\":true,\"no\":false},\"text\":\"{\","
	    "\"least\":-9223372036854775808,\"most\":18446744073709551615}");
	buf_fini(&b);
}

Test(json, hostile_text)
{
	const struct {
		struct slice text;
		const char *object;
	} cases[] = {
	    {SLICE(""), "{\"s\":\"\"}"},
	    {SLICE("\",\"root\":\"yes"), "{\"s\":\"\\\",\\\"root\\\":\\\"yes\"}"},
	    {SLICE("ends in \\"), "{\"s\":\"ends in \\\\\"}"},
	    {SLICE("a\r\n\0b\t\x1b[2J"), "{\"s\":\"a\\u000d\\u000a\\u0000b\\u0009\\u001b[2J\"}"},
	    {SLICE("\x7f\xc2\x9b"), "{\"s\":\"\\u007f\\u009b\"}"},
	    {SLICE("jörg 🐟"), "{\"s\":\"jörg 🐟\"}"},
	    {SLICE("\xff cut \xf0\x9f\x90"), "{\"s\":\"\\ufffd cut \\ufffd\\ufffd\\ufffd\"}"},
	    {SLICE("\xed\xa0\x80"), "{\"s\":\"\\ufffd\\ufffd\\ufffd\"}"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = with_string(cases[i].text);

		cr_slice_eq(buf_slice(&b), cases[i].object);
		buf_fini(&b);
	}
}

Test(json, a_string_is_cut_and_the_rest_still_fits)
{
	size_t len = JSON_MOST;
	char *octets = malloc(len);
	struct buf b = {0};
	struct json j;

	memset(octets, 1, len);
	json_begin(&j, &b);
	json_string(&j, "long", slice_make(octets, len));
	json_string(&j, "empty", SLICE("nothing of it"));
	json_members(&j, SLICE("{\"left\":\"out\"}"));
	json_count(&j, "n", 1);
	json_end(&j);
	cr_assert(b.len > JSON_MOST - JSON_RESERVE - 10 && b.len <= JSON_MOST, "%zu", b.len);
	cr_assert(
	    slice_has_suffix_nocase(buf_slice(&b), SLICE("\\u0001\",\"empty\":\"\",\"n\":1}")),
	    "%s", buf_text(&b) + b.len - 60);
	buf_fini(&b);
	free(octets);
}

Test(json, members_of_another)
{
	struct buf b = {0};
	struct json j;

	json_begin(&j, &b);
	json_members(&j, SLICE("{}"));
	json_members(&j, SLICE("{\"a\":1}"));
	json_members(&j, SLICE("{\"b\":{}}"));
	json_members(&j, SLICE(""));
	json_end(&j);
	cr_slice_eq(buf_slice(&b), "{\"a\":1,\"b\":{}}");
	buf_fini(&b);
}
