#include "common/mail/search.h"

#include "common/base/limits.h"
#include "common/base/pack.h"

/* How wide the number of an operator is; 0: it has none. */
static size_t
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
	case SEARCH_ENVELOPE:
	case SEARCH_BODY:
	case SEARCH_TEXT:
		return 0;
	}
	return 0;
}

static bool
has_value(enum search_op op)
{
	return op == SEARCH_HEADER || op == SEARCH_ENVELOPE;
}

static bool
has_text(enum search_op op)
{
	return op == SEARCH_KEYWORD || op == SEARCH_UIDS || op == SEARCH_BODY ||
	       op == SEARCH_TEXT || has_value(op);
}

void
search_pack(struct buf *program, const struct search_node *node)
{
	size_t width = number_width(node->op);

	pack_number(program, 1, node->op);
	if (width > 0)
		pack_number(program, width, node->number);
	if (has_text(node->op))
		pack_slice(program, node->text);
	if (has_value(node->op))
		pack_slice(program, node->value);
}

bool
search_unpack(struct slice *program, struct search_node *node)
{
	uint64_t op;
	size_t width;

	if (!unpack_number(program, 1, &op) || op < SEARCH_AND || op > SEARCH_ENVELOPE)
		return false;
	*node = (struct search_node){.op = (enum search_op)op};
	width = number_width(node->op);
	if (width > 0 && !unpack_number(program, width, &node->number))
		return false;
	if (has_text(node->op) && !unpack_slice(program, &node->text))
		return false;
	return !has_value(node->op) || unpack_slice(program, &node->value);
}

bool
search_looks_inside(enum search_op op)
{
	return op == SEARCH_HEADER || op == SEARCH_BODY || op == SEARCH_TEXT;
}

/* Counts the programs still wanted at each open level, so that no recursion is needed. */
bool
search_is_valid(struct slice program)
{
	uint64_t wanted[LIMIT_IMAP_NESTING + 2] = {1};
	size_t depth = 0, nodes = 0, texts = 0;
	struct search_node node;

	for (;;) {
		uint64_t children;

		while (depth > 0 && wanted[depth] == 0)
			depth--;
		if (wanted[depth] == 0)
			break;
		if (++nodes > LIMIT_SEARCH_NODES || !search_unpack(&program, &node))
			return false;
		texts += search_looks_inside(node.op);
		if (texts > LIMIT_SEARCH_TEXTS)
			return false;
		wanted[depth]--;
		children = node.op == SEARCH_AND   ? node.number
			   : node.op == SEARCH_OR  ? 2
			   : node.op == SEARCH_NOT ? 1
						   : 0;
		if (children == 0)
			continue;
		if (depth + 1 >= sizeof(wanted) / sizeof(wanted[0]))
			return false;
		wanted[++depth] = children;
	}
	return program.len == 0;
}
