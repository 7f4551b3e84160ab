#include "common/net/sasl.h"

#include "common/base/encode.h"
#include "common/base/limits.h"
#include "common/base/mem.h"

#include <string.h>

/* One mechanism: what it asks first, and what becomes of each response. */
struct mechanism {
	const char *name;
	const char *challenge;
	const char *form;
	enum sasl_result (*take)(struct sasl *s, struct slice octets);
};

struct sasl {
	const struct mechanism *mechanism;
	const char *challenge;
	struct buf first;    /* LOGIN's name */
	struct buf response; /* what came last */
	struct slice user, secret;
};

bool
sasl_is_possible(struct slice user, struct slice secret)
{
	return user.len > 0 && user.len <= LIMIT_USER && secret.len <= LIMIT_SECRET &&
	       slice_find(user, '\0') < 0 && slice_find(secret, '\0') < 0;
}

static enum sasl_result
credentials(struct sasl *s, struct slice user, struct slice secret)
{
	s->user = user;
	s->secret = secret;
	return sasl_is_possible(user, secret) ? SASL_CREDENTIALS : SASL_WRONG;
}

/* authzid NUL authcid NUL password; acting for somebody else is not offered. */
static enum sasl_result
take_plain(struct sasl *s, struct slice message)
{
	ptrdiff_t first = slice_find(message, '\0'), second;
	struct slice authzid, user;

	if (first < 0)
		return SASL_MALFORMED;
	authzid = slice_sub(message, 0, (size_t)first);
	message = slice_from(message, (size_t)first + 1);
	second = slice_find(message, '\0');
	if (second < 0)
		return SASL_MALFORMED;
	user = slice_sub(message, 0, (size_t)second);
	if (authzid.len > 0 && !slice_equal(authzid, user))
		return SASL_WRONG;
	return credentials(s, user, slice_from(message, (size_t)second + 1));
}

static enum sasl_result
take_login(struct sasl *s, struct slice octets)
{
	if (s->first.data != NULL)
		return credentials(s, buf_slice(&s->first), octets);
	if (!sasl_is_possible(octets, SLICE("")))
		return SASL_WRONG;
	buf_add_slice(&s->first, octets);
	s->challenge = "UGFzc3dvcmQ6"; /* Password: */
	return SASL_CHALLENGE;
}

static const struct mechanism mechanisms[] = {
    {"PLAIN", "", "a PLAIN response is: NUL user NUL password, in base64", take_plain},
    {"LOGIN", "VXNlcm5hbWU6" /* Username: */,
	"a LOGIN response is: a user, then a password, in base64", take_login},
};

struct sasl *
sasl_new(struct slice mechanism)
{
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		struct sasl *s;

		if (!slice_equal_text_nocase(mechanism, mechanisms[i].name))
			continue;
		s = mem_zero(sizeof(*s));
		s->mechanism = &mechanisms[i];
		s->first.is_secret = s->response.is_secret = true;
		s->challenge = s->mechanism->challenge;
		return s;
	}
	return NULL;
}

void
sasl_free(struct sasl *s)
{
	if (s == NULL)
		return;
	buf_fini(&s->first);
	buf_fini(&s->response);
	free(s);
}

static enum sasl_result
take(struct sasl *s, struct slice base64)
{
	if (base64.len > LIMIT_RESPONSE)
		return SASL_MALFORMED;
	buf_fini(&s->response);
	if (!base64_decode(&s->response, base64))
		return SASL_MALFORMED;
	return s->mechanism->take(s, buf_slice(&s->response));
}

enum sasl_result
sasl_start(struct sasl *s, const struct slice *initial)
{
	if (initial == NULL)
		return SASL_CHALLENGE;
	return take(s, slice_equal_text(*initial, "=") ? SLICE("") : *initial);
}

enum sasl_result
sasl_feed(struct sasl *s, struct slice line)
{
	return slice_equal_text(line, "*") ? SASL_CANCELLED : take(s, line);
}

const char *
sasl_challenge(const struct sasl *s)
{
	return s->challenge;
}

const char *
sasl_form(const struct sasl *s)
{
	return s->mechanism->form;
}

struct slice
sasl_user(const struct sasl *s)
{
	return s->user;
}

struct slice
sasl_secret(const struct sasl *s)
{
	return s->secret;
}
