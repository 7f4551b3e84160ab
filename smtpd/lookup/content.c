#include "smtpd/lookup/content.h"

#include "common/base/buf.h"
#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/net/netaddr.h"

#include <regex.h>
#include <string.h>

struct entry {
	char *key;
	char *original; /* as it was written, when that differs: an expression's \W is no \w */
	char *value;
};

struct content {
	struct entry *entries;
	size_t count, capacity;
	struct hash index; /* key to place + 1 */
	size_t *patterns;  /* places of keys with a * that is not a whole first label */
	size_t pattern_count;
	size_t *prefixes; /* places of keys with a / */
	size_t prefix_count;
	regex_t *regexes; /* of each place, when compiled */
	size_t regex_count;
};

static struct slice
lower(struct buf *room, struct slice s)
{
	buf_clear(room);
	buf_add_lower(room, s);
	return buf_slice(room);
}

struct content *
content_new(void)
{
	struct content *c = mem_zero(sizeof(*c));

	hash_init(&c->index);
	return c;
}

static void
forget_regexes(struct content *c)
{
	for (size_t i = 0; i < c->regex_count; i++)
		regfree(&c->regexes[i]);
	free(c->regexes);
	c->regexes = NULL;
	c->regex_count = 0;
}

void
content_free(struct content *c)
{
	if (c == NULL)
		return;
	forget_regexes(c);
	for (size_t i = 0; i < c->count; i++) {
		free(c->entries[i].key);
		free(c->entries[i].original);
		free(c->entries[i].value);
	}
	free(c->entries);
	free(c->patterns);
	free(c->prefixes);
	hash_fini(&c->index);
	free(c);
}

static void
add_place(size_t **places, size_t *count, size_t place)
{
	*places = mem_resize(*places, (*count + 1) * sizeof(**places));
	(*places)[(*count)++] = place;
}

/* A * that finding by the labels of a name does not see. */
static bool
is_pattern(struct slice key)
{
	ptrdiff_t at = slice_find_last(key, '@');
	struct slice domain = at < 0 ? key : slice_from(key, (size_t)at + 1);

	if (slice_equal_text(domain, "*"))
		return at >= 0;
	return slice_find(slice_has_prefix(domain, SLICE("*.")) ? slice_from(domain, 2) : domain,
		   '*') >= 0;
}

void
content_add(struct content *c, struct slice written, struct slice value)
{
	struct buf room = {0};
	struct slice key = lower(&room, written);
	uintptr_t place = (uintptr_t)hash_find(&c->index, key);

	if (place != 0) {
		free(c->entries[place - 1].value);
		c->entries[place - 1].value = slice_text(value);
		buf_fini(&room);
		return;
	}
	if (c->count == c->capacity) {
		c->capacity = c->capacity == 0 ? 8 : c->capacity * 2;
		c->entries = mem_resize(c->entries, c->capacity * sizeof(*c->entries));
	}
	c->entries[c->count].key = slice_text(key);
	c->entries[c->count].original = slice_equal(key, written) ? NULL : slice_text(written);
	c->entries[c->count].value = slice_text(value);
	if (is_pattern(key))
		add_place(&c->patterns, &c->pattern_count, c->count);
	if (slice_find(key, '/') >= 0)
		add_place(&c->prefixes, &c->prefix_count, c->count);
	hash_add(&c->index, key, (void *)(uintptr_t)(++c->count));
	buf_fini(&room);
}

size_t
content_count(const struct content *c)
{
	return c->count;
}

void
content_entry(const struct content *c, size_t i, struct slice *key, struct slice *value)
{
	*key = slice_of(c->entries[i].key);
	*value = slice_of(c->entries[i].value);
}

/* The key is in lower case already. */
static bool
find(const struct content *c, struct slice key, struct slice *value)
{
	uintptr_t place = (uintptr_t)hash_find(&c->index, key);

	if (place == 0)
		return false;
	*value = slice_of(c->entries[place - 1].value);
	return true;
}

bool
content_find(const struct content *c, struct slice key, struct slice *value)
{
	struct buf room = {0};
	bool found = find(c, lower(&room, key), value);

	buf_fini(&room);
	return found;
}

/* Whether text is what the pattern says, * standing for any octets. Each * is tried again only
 * from where the last one began, so the time is bounded by the product of the lengths. */
static bool
glob(struct slice pattern, struct slice text)
{
	size_t p = 0, t = 0, star = pattern.len, mark = 0;

	while (t < text.len) {
		if (p < pattern.len && pattern.data[p] == '*') {
			star = p++;
			mark = t;
		} else if (p < pattern.len && pattern.data[p] == text.data[t]) {
			p++;
			t++;
		} else if (star < pattern.len) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.data[p] == '*')
		p++;
	return p == pattern.len;
}

static bool
find_pattern(const struct content *c, struct slice text, struct slice *value)
{
	for (size_t i = 0; i < c->pattern_count; i++) {
		const struct entry *e = &c->entries[c->patterns[i]];

		if (glob(slice_of(e->key), text)) {
			*value = slice_of(e->value);
			return true;
		}
	}
	return false;
}

/* user "@" domain, then user "@*." and each domain above it. The user may be empty; without_at is
 * the same for a table of domains. */
static bool
find_below(const struct content *c, struct slice user, const char *between, struct slice domain,
    struct slice *value)
{
	struct buf key = {0};
	bool found;

	buf_printf(&key, "%.*s%s%.*s", SLICE_FMT(user), between, SLICE_FMT(domain));
	found = find(c, buf_slice(&key), value);
	for (ptrdiff_t dot = slice_find(domain, '.'); !found && dot >= 0;
	     dot = slice_find(domain, '.')) {
		domain = slice_from(domain, (size_t)dot + 1);
		buf_clear(&key);
		buf_printf(&key, "%.*s%s*.%.*s", SLICE_FMT(user), between, SLICE_FMT(domain));
		found = find(c, buf_slice(&key), value);
	}
	buf_fini(&key);
	return found;
}

bool
content_find_domain(const struct content *c, struct slice domain, struct slice *value)
{
	struct buf room = {0};
	bool found;

	domain = lower(&room, domain);
	found = find_below(c, SLICE(""), "", domain, value) || find_pattern(c, domain, value) ||
		find(c, SLICE("*"), value);
	buf_fini(&room);
	return found;
}

bool
content_find_address(
    const struct content *c, struct slice address, char delimiter, struct slice *value)
{
	struct buf room = {0};
	struct slice user, base, domain;
	ptrdiff_t at, detail;
	bool found;

	address = lower(&room, address.len == 0 ? SLICE("<>") : address);
	at = slice_find_last(address, '@');
	user = at < 0 ? address : slice_sub(address, 0, (size_t)at);
	domain = at < 0 ? SLICE("") : slice_from(address, (size_t)at + 1);
	detail = slice_find(slice_from(user, 1), delimiter);
	base = detail < 0 ? user : slice_sub(user, 0, (size_t)detail + 1);
	found = (at >= 0 && (find_below(c, user, "@", domain, value) ||
				(detail >= 0 && find_below(c, base, "@", domain, value)) ||
				find_below(c, SLICE(""), "@", domain, value))) ||
		find(c, user, value) || (detail >= 0 && find(c, base, value)) ||
		find_pattern(c, address, value) || find(c, SLICE("@"), value);
	buf_fini(&room);
	return found;
}

bool
content_find_network(const struct content *c, struct slice address, struct slice *value)
{
	struct netaddr a;
	char text[NETADDR_TEXT];

	if (!netaddr_parse(address, &a))
		return false;
	if (find(c, slice_of(netaddr_format(&a, text)), value))
		return true;
	for (size_t i = 0; i < c->prefix_count; i++) {
		const struct entry *e = &c->entries[c->prefixes[i]];

		if (netaddr_in_prefix(&a, slice_of(e->key))) {
			*value = slice_of(e->value);
			return true;
		}
	}
	return false;
}

/* Without back references an expression costs time in proportion to the text. */
static bool
is_harmless(struct slice expression)
{
	for (size_t i = 0; i + 1 < expression.len; i++) {
		if (expression.data[i] != '\\')
			continue;
		if (expression.data[++i] >= '1' && expression.data[i] <= '9')
			return false;
	}
	return expression.len <= LIMIT_REGEX;
}

bool
content_compile(struct content *c, struct error *why)
{
	char text[128];
	int code;

	forget_regexes(c);
	c->regexes = mem_array(c->count + 1, sizeof(*c->regexes));
	for (size_t i = 0; i < c->count; i++) {
		const struct entry *e = &c->entries[i];
		const char *key = e->original == NULL ? e->key : e->original;

		if (!is_harmless(slice_of(key)))
			return error_set(why,
			    "the expression \"%.100s\" has a back "
			    "reference or is longer than %d octets",
			    key, LIMIT_REGEX);
		code = regcomp(&c->regexes[i], key, REG_EXTENDED | REG_ICASE | REG_NOSUB);
		if (code != 0) {
			regerror(code, &c->regexes[i], text, sizeof(text));
			return error_set(why, "\"%.100s\" is no regular expression: %s", key, text);
		}
		c->regex_count++;
	}
	return true;
}

bool
content_find_regex(const struct content *c, struct slice text, struct slice *value)
{
	char copy[LIMIT_REGEX_TEXT + 1];

	if (!slice_copy(text, copy, sizeof(copy)))
		return false;
	for (size_t i = 0; i < c->regex_count; i++) {
		if (regexec(&c->regexes[i], copy, 0, NULL, 0) == 0) {
			*value = slice_of(c->entries[i].value);
			return true;
		}
	}
	return false;
}
