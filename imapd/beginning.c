#include "imapd/beginning.h"

#include "common/base/limits.h"
#include "imapd/parse.h"

/* Takes a word off the front of *rest. */
static bool
take_word(struct slice *rest, enum imap_word kind, struct slice *word)
{
	size_t n = imap_word_span(*rest, kind);

	*word = slice_sub(*rest, 0, n);
	*rest = slice_from(*rest, n);
	return n > 0;
}

static bool
take_space(struct slice *rest)
{
	if (!slice_has_prefix(*rest, SLICE(" ")))
		return false;
	*rest = slice_from(*rest, 1);
	return true;
}

const char *
imap_beginning_parse(struct slice line, struct imap_beginning *b)
{
	struct slice rest = line, word;

	*b = (struct imap_beginning){.is_uid = false};
	if (!take_word(&rest, IMAP_TAG, &word) || word.len > LIMIT_IMAP_TAG)
		return "a command begins with a tag";
	b->tag = word;
	if (!take_space(&rest) || !take_word(&rest, IMAP_ATOM, &word))
		return "the command's name is missing";
	b->is_uid = slice_equal_text_nocase(word, "UID");
	if (b->is_uid && (!take_space(&rest) || !take_word(&rest, IMAP_ATOM, &word)))
		return "UID needs a command";
	b->name = word;
	b->octets = line.len - rest.len;
	return NULL;
}
