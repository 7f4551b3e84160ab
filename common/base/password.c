#include "common/base/password.h"

#include "common/base/mem.h"

#include <crypt.h>
#include <string.h>

enum { SETTING = 256 };

/* A fresh setting for new hashes. The system's own source of randomness salts it. */
static bool
make_setting(char out[SETTING])
{
	return crypt_gensalt_rn("$y$", 0, NULL, 0, out, SETTING) != NULL ||
	       crypt_gensalt_rn("$6$", 0, NULL, 0, out, SETTING) != NULL;
}

/* Appends crypt(3)'s answer; false when it is a failure's. */
static bool
run_crypt(const char *secret, const char *setting, struct buf *out)
{
	struct crypt_data *data = mem_zero(sizeof(*data));
	const char *got = crypt_rn(secret, setting, data, sizeof(*data));
	bool ok = got != NULL && got[0] != '*';

	if (ok)
		buf_add_text(out, got);
	explicit_bzero(data, sizeof(*data));
	free(data);
	return ok;
}

/* In the same time wherever they differ. */
static bool
is_same(struct slice a, struct slice b)
{
	unsigned char differs = 0;

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		differs |= (unsigned char)(a.data[i] ^ b.data[i]);
	return differs == 0;
}

bool
password_hash(const char *secret, struct buf *hash)
{
	char setting[SETTING];

	return make_setting(setting) && run_crypt(secret, setting, hash);
}

/* The work of a check whose answer is known. */
static void
take_as_long(const char *secret, const char *like)
{
	char setting[SETTING];
	struct buf unused = {0};

	if ((like == NULL || !run_crypt(secret, like, &unused)) && make_setting(setting))
		run_crypt(secret, setting, &unused);
	buf_fini(&unused);
}

bool
password_matches(const char *secret, const char *hash, const char *like)
{
	struct buf got = {0};
	bool ok = false;

	if (hash != NULL && run_crypt(secret, hash, &got))
		ok = is_same(buf_slice(&got), slice_of(hash));
	else
		take_as_long(secret, like);
	buf_fini(&got);
	return ok;
}
