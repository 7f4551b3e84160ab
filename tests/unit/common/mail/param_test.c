#include "common/mail/param.h"

#include "tests/unit/unit.h"

UNIT_SUITE(param);

/* "type/subtype name=value; name*=value" of what was read. */
static const char *
show(struct slice value, struct buf *out)
{
	struct param_field f;

	param_init(&f);
	param_parse(&f, value);
	buf_clear(out);
	buf_add_slice(out, f.type);
	buf_add_text(out, "/");
	buf_add_slice(out, f.subtype);
	for (size_t i = 0; i < f.count; i++) {
		buf_add_text(out, i == 0 ? " " : "; ");
		buf_add_slice(out, f.params[i].name);
		buf_add_text(out, f.params[i].extended ? "*=" : "=");
		buf_add_slice(out, f.params[i].value);
	}
	param_fini(&f);
	return buf_text(out);
}

Test(param, parse)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
	    {"text/plain", "text/plain"},
	    {" TEXT/HTML ; Charset=utf-8", "TEXT/HTML Charset=utf-8"},
	    {"text/plain; charset=us-ascii (Plain text)", "text/plain charset=us-ascii"},
	    {"text / plain; charset = \"us-ascii\" ; x=y;", "text/plain charset=us-ascii; x=y"},
	    {"(a (nested \\) one)) text(b)/(c)plain(d);(e)a(f)=(g)b(h);c=d", "text/plain a=b; c=d"},
	    {"multipart/mixed;\r\n\tboundary=\"a b\"", "multipart/mixed boundary=a b"},
	    {"multipart/mixed; boundary=----=_Part:1?2/3",
		"multipart/mixed boundary=----=_Part:1?2/3"},
	    {"attachment; filename=\"a;b\\\"c\\\\d\"", "attachment/ filename=a;b\"c\\d"},
	    {"attachment; filename=\"fol\r\n ded\"", "attachment/ filename=fol ded"},
	    {"attachment; filename=\"open", "attachment/ filename=open"},
	    {"attachment; filename=\"open\\", "attachment/ filename=open\\"},
	    {"attachment; filename=", "attachment/ filename="},
	    {"attachment; filename=\"\"; a=b", "attachment/ filename=; a=b"},
	    {"a/b/c;;;=", "a/b"},
	    {"/", "/"},
	    {"", "/"},
	    {";;;", "/"},
	    {"text", "text/"},
	    {"text/", "text/"},
	    {"text/plain; nothing; a=b; =c; d", "text/plain a=b"},
	    {"text/plain; a=b junk \"; c=d\"; e=f", "text/plain a=b; e=f"},
	    {"text/plain; a=1; A=2; a=3", "text/plain a=1"},
	    {"x/y; (open comment", "x/y"},
	    {"x/y; a=b)", "x/y a=b)"},
	    /* RFC 2231 */
	    {"x/y; t*0=\"one \"; t*1=two; t*2=\" three\"", "x/y t=one two three"},
	    {"x/y; t*2=c; t*0=a; u=v; t*1=b", "x/y t=abc; u=v"},
	    {"x/y; t*=us-ascii'en'it%27s", "x/y t*=us-ascii'en'it%27s"},
	    {"x/y; t*0*=utf-8''%e2%82; t*1*=%ac; t*2=\" a%b\"", "x/y t*=utf-8''%e2%82%ac%20a%25b"},
	    {"x/y; t=plain; t*=utf-8''%C3%BC", "x/y t=plain; t*=utf-8''%C3%BC"},
	    {"x/y; t=plain; t*0=a; t*1=b", "x/y t=plain"},
	    {"x/y; t*0=a; t*0=b; t*1=c", "x/y t=ac"},
	    {"x/y; t*1=b; t*3=d", "x/y t=bd"},
	    {"x/y; t*N=v; *=v; *0=v; t**=v; t*99999=v", "x/y t*N=v; *=v; *0=v; t**=v; t*99999=v"},
	};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_str_eq(show(slice_of(cases[i].value), &out), cases[i].want, "%s: %s",
		    cases[i].value, buf_text(&out));
	cr_assert_str_eq(show(SLICE("x/\0y; a=\"b\0c\"; d\0=e"), &out), "x/y a=bc; d=e");
	buf_fini(&out);
}

Test(param, text_is_utf8)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
	    {"a; n*=utf-8''Gr%C3%BC%C3%9Fe", "Grüße"},
	    {"a; n*=iso-8859-1'de'Gr%FC%DFe", "Grüße"},
	    {"a; n*0*=utf-8''%E2%82; n*1*=%AC%0D%0Ax%00", "€ x"},
	    {"a; n*=nothing%41", "nothingA"},
	    {"a; n*=x'y'%ZZ", "%ZZ"},
	    {"a; n*=x'", ""},
	    {"a; n=\"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=\"", "Grüße"},
	    {"a; n=\xFC", "ü"},
	    {"a; n=plain; n*=utf-8''better", "better"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct param_field f;
		struct buf out = {0};

		param_init(&f);
		param_parse(&f, slice_of(cases[i].value));
		cr_assert_not_null(param_find(&f, "N"));
		cr_assert_null(param_find(&f, "m"));
		param_text(param_find(&f, "n"), &out);
		cr_assert_str_eq(
		    buf_text(&out), cases[i].want, "%s: %s", cases[i].value, buf_text(&out));
		param_fini(&f);
		buf_fini(&out);
	}
}

Test(param, word)
{
	cr_slice_eq(param_word(SLICE(" (c) base64 (d)")), "base64");
	cr_slice_eq(param_word(SLICE("\" a \"")), "a");
	cr_slice_eq(param_word(SLICE("")), "");
}

/* 20,000 pieces, 40,000 comments, a field of a megabyte: linear time, bounded memory. */
Test(param, hostile_fields, .timeout = 5)
{
	struct buf value = {0};
	struct param_field f;

	param_init(&f);
	buf_add_text(&value, "text/plain");
	for (int i = 20000; i > 0; i--)
		buf_printf(&value, ";a*%d=v", i);
	for (int i = 0; i < 200; i++)
		param_parse(&f, buf_slice(&value));
	cr_assert(f.count >= 1 && f.count <= LIMIT_PARAMETERS);

	buf_clear(&value);
	buf_add_text(&value, "a/b");
	for (int i = 0; i < 20000; i++)
		buf_printf(&value, ";p%d=v", i);
	param_parse(&f, buf_slice(&value));
	cr_assert_eq(f.count, LIMIT_PARAMETERS);
	cr_slice_eq(f.params[LIMIT_PARAMETERS - 1].name, "p199");

	buf_clear(&value);
	for (int i = 0; i < 40000; i++)
		buf_add_char(&value, '(');
	param_parse(&f, buf_slice(&value));
	cr_slice_eq(f.type, "");

	buf_clear(&value);
	buf_add_text(&value, "a/b; p=\"");
	for (int i = 0; i < 1000000; i++)
		buf_add_char(&value, '\\');
	param_parse(&f, buf_slice(&value));
	cr_assert_eq(f.count, 1);
	cr_assert(f.params[0].value.len <= LIMIT_FIELD_PARSED);
	param_fini(&f);
	buf_fini(&value);
}
