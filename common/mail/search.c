#include "common/mail/search.h"

#include "common/base/limits.h"

static void
put(struct buf *out, uint64_t n, int octets)
{
	for (int i = octets - 1; i >= 0; i--)
		buf_add_char(out, (char)(n >> (8 * i)));
}

static bool
get(struct slice *in, int octets, uint64_t *n)
{
	if (in->len < (size_t)octets)
		return false;
	*n = 0;
	for (int i = 0; i < octets; i++)
		*n = *n << 8 | (unsigned char)in->data[i];
	*in = slice_from(*in, (size_t)octets);
	return true;
}

static bool
get_text(struct slice *in, struct slice *text)
{
	uint64_t len;

	if (!get(in, 4, &len) || len > in->len)
		return false;
	*text = slice_sub(*in, 0, (size_t)len);
	*in = slice_from(*in, (size_t)len);
	return true;
}

static void
put_text(struct buf *out, struct slice text)
{
	put(out, text.len, 4);
	buf_add_slice(out, text);
}

/* How wide the number of an operator is; 0: it has none. */
static int
number_width(enum search_op op)
{
	switch (op) {
	case SEARCH_AND:
		return 2;
	case SEARCH_FLAG:
		return 1;
	case SEARCH_BEFORE:
	case SEARCH_ON:
	case SEARCH_SINCE:
	case SEARCH_SENTBEFORE:
	case SEARCH_SENTON:
	case SEARCH_SENTSINCE:
	case SEARCH_LARGER:
	case SEARCH_SMALLER:
	case SEARCH_MODSEQ:
		return 8;
	case SEARCH_OR:
	case SEARCH_NOT:
	case SEARCH_KEYWORD:
	case SEARCH_UIDS:
	case SEARCH_HEADER:
	case SEARCH_BODY:
	case SEARCH_TEXT:
		return 0;
	}
	return 0;
}

static bool
has_text(enum search_op op)
{
	return op == SEARCH_KEYWORD || op == SEARCH_UIDS || op == SEARCH_HEADER || op == SEARCH_BODY ||
	    op == SEARCH_TEXT;
}

void
search_pack(struct buf *program, const struct search_node *node)
{
	put(program, node->op, 1);
	put(program, node->number, number_width(node->op));
	if (has_text(node->op))
		put_text(program, node->text);
	if (node->op == SEARCH_HEADER)
		put_text(program, node->value);
}

bool
search_unpack(struct slice *program, struct search_node *node)
{
	uint64_t op;

	if (!get(program, 1, &op) || op < SEARCH_AND || op > SEARCH_MODSEQ)
		return false;
	*node = (struct search_node){.op = (enum search_op)op};
	if (number_width(node->op) > 0 && !get(program, number_width(node->op), &node->number))
		return false;
	if (has_text(node->op) && !get_text(program, &node->text))
		return false;
	return node->op != SEARCH_HEADER || get_text(program, &node->value);
}

/* Counts the programs still wanted at each open level, so that no recursion is needed. */
bool
search_is_valid(struct slice program)
{
	uint64_t wanted[LIMIT_IMAP_NESTING + 2] = {1};
	size_t depth = 0, nodes = 0;
	struct search_node node;

	for (;;) {
		uint64_t children;

		while (depth > 0 && wanted[depth] == 0)
			depth--;
		if (wanted[depth] == 0)
			break;
		if (++nodes > LIMIT_SEARCH_NODES || !search_unpack(&program, &node))
			return false;
		wanted[depth]--;
		children = node.op == SEARCH_AND ? node.number
		    : node.op == SEARCH_OR   ? 2
		    : node.op == SEARCH_NOT  ? 1
		                             : 0;
		if (children == 0)
			continue;
		if (depth + 1 >= sizeof(wanted) / sizeof(wanted[0]))
			return false;
		wanted[++depth] = children;
	}
	return program.len == 0;
}
