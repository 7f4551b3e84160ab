/*
 * Senders rewritten: who a report comes back to is who sent, or nobody. The input's first line is a
 * sender, its second the domain of ours, its third an address that claims to be one of this scheme.
 */
#include "tests/fuzz/fuzz.h"

#include "common/base/limits.h"
#include "common/mail/address.h"
#include "common/mail/srs.h"

static const struct srs ours = {.key = {"the key that signs", 18},
    .backup = {"the one before", 14},
    .days = 30,
    .today = 20000};

static bool
is_address(struct slice text)
{
	struct address a;

	return address_parse(text, 0, &a) == ADDRESS_OK;
}

/* A case that got lost on the way does no harm; any other octet does. */
static void
check_spoiled(struct slice made)
{
	struct buf text = {0}, out = {0};

	buf_add_lower(&text, made);
	PROPERTY(srs_decode(&out, &ours, buf_slice(&text)) == SRS_OK);
	for (size_t i = 5; made.data[i] != '@'; i++) {
		buf_clear(&text);
		buf_add_slice(&text, made);
		text.data[i] = made.data[i] == 'x' || made.data[i] == 'X' ? 'y' : 'x';
		buf_clear(&out);
		PROPERTY(srs_decode(&out, &ours, buf_slice(&text)) == SRS_FORGED && out.len == 0);
	}
	buf_fini(&text);
	buf_fini(&out);
}

static void
check_encoded(struct slice made, struct slice sender)
{
	struct srs later = ours, rotated = ours, foreign = ours;
	struct buf back = {0};

	PROPERTY(is_address(made));
	PROPERTY(srs_decode(&back, &ours, made) == SRS_OK && is_address(buf_slice(&back)));
	if (slice_has_prefix(made, SLICE("SRS0")))
		PROPERTY(slice_equal(buf_slice(&back), sender));
	buf_clear(&back);
	rotated.key = SLICE("a new key");
	rotated.backup = ours.key;
	PROPERTY(srs_decode(&back, &rotated, made) == SRS_OK);
	buf_clear(&back);
	foreign.key = foreign.backup = SLICE("another host's");
	PROPERTY(srs_decode(&back, &foreign, made) == SRS_FORGED && back.len == 0);
	later.today += later.days + 1;
	if (slice_has_prefix(made, SLICE("SRS0")))
		PROPERTY(srs_decode(&back, &later, made) == SRS_OLD && back.len == 0);
	check_spoiled(made);
	buf_fini(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = fuzz_slice(data, size), sender = {NULL, 0}, domain = {NULL, 0};
	struct buf out = {0};

	slice_split(&rest, '\n', &sender);
	slice_split(&rest, '\n', &domain);
	if (is_address(sender) && domain_is_valid(domain, false)) {
		if (srs_encode(&out, &ours, sender, domain))
			check_encoded(buf_slice(&out), sender);
		else
			PROPERTY(out.len == 0);
	}
	buf_clear(&out);
	/* 40 bits are not guessed in an hour, so what opens was signed. */
	PROPERTY(srs_decode(&out, &ours, rest) == SRS_OK || out.len == 0);
	buf_fini(&out);
	return 0;
}
