/* Mailboxes and paths: one canonical spelling, which is read as the same address. */
#include "tests/fuzz/fuzz.h"

#include "common/base/limits.h"
#include "common/base/utf8.h"
#include "common/mail/address.h"

static void
check_domain(struct slice domain)
{
	struct buf ascii = {0}, again = {0};

	if (domain_to_ascii(&ascii, domain)) {
		PROPERTY(ascii.len <= LIMIT_DOMAIN && utf8_is_ascii(buf_slice(&ascii)));
		PROPERTY(domain_to_ascii(&again, buf_slice(&ascii)));
		PROPERTY(slice_equal(buf_slice(&again), buf_slice(&ascii)));
	} else {
		PROPERTY(ascii.len == 0);
	}
	buf_fini(&ascii);
	buf_fini(&again);
}

static void
check(const struct address *a, struct slice text)
{
	struct buf once = {0}, twice = {0};
	struct address again;
	struct slice base, detail;

	PROPERTY(fuzz_lies_in(a->local, text) && fuzz_lies_in(a->domain, text));
	PROPERTY(a->local.len <= LIMIT_LOCAL_PART && a->domain.len <= LIMIT_DOMAIN);
	PROPERTY(address_equal(a, a));
	check_domain(a->domain);
	if (a->local.len > 0)
		address_split_detail(a->local, '+', &base, &detail);
	address_format(&once, a);
	PROPERTY(once.len <= LIMIT_ADDRESS && fuzz_is_printable(buf_slice(&once)));
	if (a->domain.len > 0) {
		PROPERTY(address_parse(buf_slice(&once), ADDRESS_ALLOW_UTF8, &again) == ADDRESS_OK);
		PROPERTY(address_equal(a, &again));
		address_format(&twice, &again);
		PROPERTY(slice_equal(buf_slice(&once), buf_slice(&twice)));
	}
	buf_fini(&once);
	buf_fini(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	unsigned allow = fuzz_octet(&in);
	struct slice rest = in;
	struct address a;

	if (address_parse(in, allow, &a) == ADDRESS_OK)
		check(&a, in);
	if (address_path_parse(&rest, allow, &a) == ADDRESS_OK) {
		PROPERTY(rest.len < in.len && fuzz_lies_in(rest, in));
		PROPERTY((allow & ADDRESS_ALLOW_NULL) || !address_is_null(&a));
		PROPERTY((allow & ADDRESS_ALLOW_UTF8) ||
			 (utf8_is_ascii(a.local) && utf8_is_ascii(a.domain)));
		check(&a, in);
	} else {
		PROPERTY(rest.len == in.len);
	}
	check_domain(slice_sub(in, 0, LIMIT_DOMAIN));
	domain_is_valid(in, true);
	domain_is_literal(in);
	return 0;
}
