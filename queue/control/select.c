#include "queue/control/select.h"

#include "common/base/id.h"

static const struct {
	const char *word;
	enum select_kind kind;
} words_of[] = {
    {"from", SELECT_FROM},
    {"to", SELECT_TO},
    {"domain", SELECT_DOMAIN},
};

bool
queue_select_take(
    struct queue_select *s, struct slice words[], size_t count, size_t *at, struct error *why)
{
	struct slice word = words[(*at)++];

	*s = (struct queue_select){.kind = SELECT_ALL};
	if (slice_equal_text(word, "all"))
		return true;
	for (size_t i = 0; i < sizeof(words_of) / sizeof(words_of[0]); i++) {
		if (!slice_equal_text(word, words_of[i].word))
			continue;
		s->kind = words_of[i].kind;
		if (*at == count)
			return error_set(why,
			    "\"%s\" wants to be followed by an address or a domain",
			    words_of[i].word);
		if (!slice_copy(words[(*at)++], s->text, sizeof(s->text)))
			return error_set(why, "what follows \"%s\" is too long", words_of[i].word);
		return true;
	}
	s->kind = SELECT_ID;
	if (id_parse(word, &s->id))
		return true;
	return error_set(why,
	    "\"%.*s\" is none of: all, an id of 13 letters and digits as \"show queue\" prints it, "
	    "from ADDRESS, to ADDRESS, domain DOMAIN",
	    SLICE_FMT(slice_sub(word, 0, 100)));
}

/* An empty reverse-path is written <> by people. */
static bool
is_sender(const char *text, struct slice sender)
{
	return slice_equal_text_nocase(sender, text) ||
	       (sender.len == 0 && slice_equal_text(SLICE("<>"), text));
}

bool
queue_select_has(const struct queue_select *s, const struct store_envelope *e, struct slice sender)
{
	ptrdiff_t at;

	switch (s->kind) {
	case SELECT_ALL:
		return true;
	case SELECT_ID:
		return e->id == s->id || e->message == s->id;
	case SELECT_FROM:
		return is_sender(s->text, sender);
	case SELECT_TO:
		return slice_equal_text_nocase(e->address, s->text) ||
		       slice_equal_text_nocase(e->original, s->text);
	case SELECT_DOMAIN:
		at = slice_find_last(e->address, '@');
		return at >= 0 &&
		       slice_equal_text_nocase(slice_from(e->address, (size_t)at + 1), s->text);
	}
	return false;
}

bool
queue_select_has_any(const struct queue_select *which, size_t count, const struct store_envelope *e,
    struct slice sender)
{
	for (size_t i = 0; i < count; i++) {
		if (queue_select_has(&which[i], e, sender))
			return true;
	}
	return false;
}
