#include "imapd/parse.h"

#include "common/base/limits.h"
#include "common/ipc/any_mailbox.h"
#include "common/mail/mailbox_name.h"
#include "imapd/mutf7.h"

struct imap_parse
imap_parse_of(struct buf *command)
{
	return (struct imap_parse){command->data, command->data + command->len};
}

bool
imap_parse_is_end(const struct imap_parse *p)
{
	return p->at == p->end;
}

bool
imap_parse_char(struct imap_parse *p, char c)
{
	if (p->at == p->end || *p->at != c)
		return false;
	p->at++;
	return true;
}

static bool
is_in_word(enum imap_word kind, char c)
{
	if (kind == IMAP_NUMBERS)
		return (c >= '0' && c <= '9') || c == ',' || c == ':' || c == '*';
	if ((unsigned char)c <= ' ' || (unsigned char)c >= 0x7f)
		return false;
	switch (c) {
	case '(':
	case ')':
	case '{':
	case '"':
	case '\\':
		return false;
	case '%':
	case '*':
		return kind == IMAP_PATTERN;
	case ']':
		return kind != IMAP_ATOM;
	case '+':
		return kind != IMAP_TAG;
	default:
		return true;
	}
}

size_t
imap_word_span(struct slice text, enum imap_word kind)
{
	size_t n = 0;

	while (n < text.len && is_in_word(kind, text.data[n]))
		n++;
	return n;
}

bool
imap_parse_word(struct imap_parse *p, enum imap_word kind, struct slice *word)
{
	size_t n = imap_word_span(slice_make(p->at, (size_t)(p->end - p->at)), kind);

	if (n == 0)
		return false;
	*word = slice_make(p->at, n);
	p->at += n;
	return true;
}

bool
imap_parse_keyword(struct imap_parse *p, const char *keyword)
{
	char *before = p->at;
	struct slice word;

	if (imap_parse_word(p, IMAP_ATOM, &word) && slice_equal_text_nocase(word, keyword))
		return true;
	p->at = before;
	return false;
}

bool
imap_parse_quoted(struct imap_parse *p, struct slice *text)
{
	char *from = p->at + 1, *to = from, *start = from;

	if (p->at == p->end || *p->at != '"')
		return false;
	for (; from < p->end && *from != '"'; from++) {
		if (*from == '\r' || *from == '\n' || *from == '\0')
			return false;
		if (*from == '\\') {
			from++;
			if (from == p->end || (*from != '"' && *from != '\\'))
				return false;
		}
		*to++ = *from;
	}
	if (from == p->end)
		return false;
	*text = slice_make(start, (size_t)(to - start));
	p->at = from + 1;
	return true;
}

bool
imap_parse_literal(struct imap_parse *p, struct slice *text)
{
	struct slice rest = slice_make(p->at, (size_t)(p->end - p->at)), number;
	ptrdiff_t close = slice_find(rest, '}');
	uint64_t n;
	size_t start;

	if (rest.len == 0 || rest.data[0] != '{' || close < 0)
		return false;
	number = slice_sub(rest, 1, (size_t)close - 1);
	if (number.len > 0 && number.data[number.len - 1] == '+')
		number.len--;
	start = (size_t)close + 3;
	if (!slice_number(number, UINT32_MAX, &n) || rest.len < start || rest.len - start < n ||
	    rest.data[close + 1] != '\r' || rest.data[close + 2] != '\n')
		return false;
	*text = slice_sub(rest, start, (size_t)n);
	p->at += start + n;
	return true;
}

bool
imap_parse_string(struct imap_parse *p, struct slice *text)
{
	return imap_parse_quoted(p, text) || imap_parse_literal(p, text);
}

bool
imap_parse_nstring(struct imap_parse *p, struct slice *text)
{
	if (imap_parse_string(p, text))
		return true;
	*text = (struct slice){NULL, 0};
	return imap_parse_keyword(p, "NIL");
}

bool
imap_parse_astring(struct imap_parse *p, enum imap_word kind, struct slice *text)
{
	return imap_parse_word(p, kind, text) || imap_parse_string(p, text);
}

bool
imap_parse_number(struct imap_parse *p, uint64_t max, uint64_t *number)
{
	char *at = p->at;

	while (at < p->end && *at >= '0' && *at <= '9')
		at++;
	if (!slice_number(slice_make(p->at, (size_t)(at - p->at)), max, number))
		return false;
	p->at = at;
	return true;
}

bool
imap_parse_argument(struct imap_parse *p, struct slice *text)
{
	return imap_parse_char(p, ' ') && imap_parse_astring(p, IMAP_ASTRING, text);
}

bool
imap_mailbox_name(struct slice wire, struct buf *name)
{
	buf_clear(name);
	name->max = LIMIT_MAILBOX_NAME;
	if (!mutf7_decode(name, wire) || buf_overflowed(name) ||
	    !mailbox_name_is_text(buf_slice(name)))
		return false;
	mailbox_name_fold(name->data, name->len);
	return true;
}

/* A system flag behind its backslash; 0 for one that a client cannot set. */
static uint8_t
system_flag(struct slice name)
{
	static const struct {
		const char *name;
		uint8_t flag;
	} flags[] = {{"Seen", FLAG_SEEN}, {"Answered", FLAG_ANSWERED}, {"Flagged", FLAG_FLAGGED},
	    {"Deleted", FLAG_DELETED}, {"Draft", FLAG_DRAFT}};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (slice_equal_text_nocase(name, flags[i].name))
			return flags[i].flag;
	}
	return 0;
}

/* A flag has one name, in any case, however often it is said (RFC 3501 2.3.2, 9). */
static bool
has_keyword(const struct imap_flags *flags, struct slice keyword)
{
	struct slice rest = buf_slice(&flags->keywords), other;

	while (ipc_list_next(&rest, &other)) {
		if (slice_equal_nocase(other, keyword))
			return true;
	}
	return false;
}

static enum imap_flags_result
parse_flag(struct imap_parse *p, struct imap_flags *flags)
{
	bool is_system = imap_parse_char(p, '\\');
	struct slice word;

	if (!imap_parse_word(p, IMAP_ATOM, &word))
		return IMAP_FLAGS_BAD;
	if (is_system) {
		uint8_t flag = system_flag(word);

		flags->system |= flag;
		return flag == 0 ? IMAP_FLAGS_BAD : IMAP_FLAGS_OK;
	}
	if (has_keyword(flags, word))
		return IMAP_FLAGS_OK;
	if (word.len > LIMIT_KEYWORD || flags->count >= LIMIT_KEYWORDS ||
	    flags->keywords.len + word.len > 30000)
		return IMAP_FLAGS_LIMIT;
	ipc_list_add(&flags->keywords, word);
	flags->count++;
	return IMAP_FLAGS_OK;
}

enum imap_flags_result
imap_parse_flags(struct imap_parse *p, bool bare, struct imap_flags *flags)
{
	bool is_list = imap_parse_char(p, '(');

	if (!is_list && !bare)
		return IMAP_FLAGS_BAD;
	if (is_list && imap_parse_char(p, ')'))
		return IMAP_FLAGS_OK;
	do {
		enum imap_flags_result result = parse_flag(p, flags);

		if (result != IMAP_FLAGS_OK)
			return result;
	} while (imap_parse_char(p, ' '));
	return !is_list || imap_parse_char(p, ')') ? IMAP_FLAGS_OK : IMAP_FLAGS_BAD;
}
