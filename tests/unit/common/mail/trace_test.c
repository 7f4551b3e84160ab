#include "common/mail/trace.h"

#include "common/mail/header.h"

#include "tests/unit/unit.h"

UNIT_SUITE(trace);

Test(trace, received)
{
	struct trace_received r = {.helo = SLICE("client.example"),
	    .client = SLICE("[192.0.2.1]"),
	    .rdns = SLICE("c.example"),
	    .by = SLICE("mx.example.test"),
	    .id = SLICE("0ABC"),
	    .recipient = SLICE("alice@example.test"),
	    .user = SLICE("alice"),
	    .tls_version = SLICE("TLSv1.3"),
	    .tls_cipher = SLICE("TLS_AES_256_GCM_SHA384"),
	    .extended = true,
	    .tls = true,
	    .authenticated = true,
	    .when = 1795215077};
	struct buf out = {0};

	trace_received(&out, &r);
	cr_slice_eq(buf_slice(&out), "Received: from client.example (c.example [192.0.2.1])\r\n"
				     "\tby mx.example.test with ESMTPSA id 0ABC\r\n"
				     "\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
				     "\t(authenticated as alice)\r\n"
				     "\tfor <alice@example.test>;\r\n"
				     "\tFri, 20 Nov 2026 22:51:17 +0000\r\n");
	buf_clear(&out);
	trace_received(&out, &(struct trace_received){.by = SLICE("mx"), .id = SLICE("1")});
	cr_slice_eq(buf_slice(&out), "Received: from localhost\r\n\tby mx with SMTP id "
				     "1;\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n");
	buf_fini(&out);
}

Test(trace, protocols)
{
	static const struct {
		struct trace_received r;
		const char *want;
	} cases[] = {
	    {{.extended = false}, "SMTP"},
	    {{.extended = true}, "ESMTP"},
	    {{.extended = true, .tls = true}, "ESMTPS"},
	    {{.extended = true, .authenticated = true}, "ESMTPA"},
	    {{.extended = true, .tls = true, .authenticated = true}, "ESMTPSA"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_str_eq(trace_protocol(&cases[i].r), cases[i].want);
}

/* Each field must stay one field, with sane lines, whatever was put into it. */
Test(trace, nothing_breaks_out)
{
	static char long_text[5000];
	struct slice evil[] = {SLICE("x\r\nX-Injected: y"), SLICE("x\n\nbody"),
	    SLICE("\0\x1b[2J)(;\\\"<>"), SLICE("a\rb\x7f\xff"), {long_text, sizeof(long_text)}};

	memset(long_text, 'x', sizeof(long_text));
	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		struct slice e = evil[i], rest, line;
		struct trace_received r = {.helo = e,
		    .client = e,
		    .rdns = e,
		    .by = e,
		    .id = e,
		    .recipient = e,
		    .user = e,
		    .tls_version = e,
		    .tls_cipher = e,
		    .tls = true};
		struct header_walk w;
		struct header_field f;
		struct buf out = {0};
		size_t fields = 0;

		trace_received(&out, &r);
		trace_return_path(&out, e);
		trace_delivered_to(&out, e);
		w = header_walk(buf_slice(&out));
		while (header_next(&w, &f))
			fields++;
		cr_assert_eq(fields, 3);
		cr_assert_eq(w.at, out.len);
		for (rest = buf_slice(&out); slice_split(&rest, '\n', &line);) {
			cr_assert_leq(line.len, 999);
			for (size_t k = 0; k + 1 < line.len; k++)
				cr_assert(
				    (unsigned char)line.data[k] >= ' ' || line.data[k] == '\t');
		}
		buf_fini(&out);
	}
}

Test(trace, delivery_fields)
{
	struct buf out = {0};

	trace_return_path(&out, SLICE(""));
	trace_delivered_to(&out, SLICE("alice@example.test"));
	cr_slice_eq(buf_slice(&out), "Return-Path: <>\r\nDelivered-To: alice@example.test\r\n");
	buf_fini(&out);
}
