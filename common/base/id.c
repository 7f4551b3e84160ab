#include "common/base/id.h"

#include "common/base/ascii.h"

#include <stdlib.h>
#include <string.h>

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

enum { ID_SEQUENCE_BITS = 20 };

/*
 * Milliseconds above, twenty bits of sequence below: a clock that steps back still gives
 * growing ids, because the last one is the floor.
 */
uint64_t
id_next(uint64_t last, int64_t civil_ms)
{
	uint64_t id = (uint64_t)civil_ms << ID_SEQUENCE_BITS;

	return id > last ? id : last + 1;
}

uint64_t
id_random(void)
{
	uint64_t id = 0;

	while (id == 0)
		arc4random_buf(&id, sizeof(id));
	return id;
}

const char *
id_format(uint64_t id, char out[ID_TEXT])
{
	for (int i = ID_TEXT - 2; i >= 0; i--) {
		out[i] = digits[id & 31];
		id >>= 5;
	}
	out[ID_TEXT - 1] = '\0';
	return out;
}

bool
id_parse(struct slice text, uint64_t *id)
{
	uint64_t n = 0;

	if (text.len != ID_TEXT - 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = ascii_lower(text.data[i]);
		const char *at;

		at = c == '\0' ? NULL : strchr(digits, c);
		if (at == NULL || (i == 0 && at - digits > 15))
			return false;
		n = n << 5 | (uint64_t)(at - digits);
	}
	*id = n;
	return true;
}

void
token_make(unsigned char token[TOKEN_OCTETS])
{
	arc4random_buf(token, TOKEN_OCTETS);
}
