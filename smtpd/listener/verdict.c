#include "smtpd/listener/verdict.h"

#include "common/base/mem.h"
#include "common/net/loop.h"

static void
free_recipient(void *value)
{
	struct buf *packed = value;

	buf_fini(packed);
	free(packed);
}

static struct recent verdicts = RECENT(verdicts, LIMIT_VERDICTS, LIMIT_VERDICT_MS, free_recipient);

/* One that cannot be packed cannot be asked either, so nothing is ever kept of it. */
struct digest
smtp_verdict_of(const struct al_route *question)
{
	struct buf packed = {0};
	struct digest d;

	ipc_pack(&packed, &al_route_schema, question);
	d = digest_of((const struct slice[]){buf_slice(&packed)}, 1);
	buf_fini(&packed);
	return d;
}

void
smtp_verdict_add(struct digest question, const struct al_recipient *recipient)
{
	struct buf *packed = mem_zero(sizeof(*packed));

	if (ipc_pack(packed, &al_recipient_schema, recipient) == NULL)
		recent_add(&verdicts, question, packed, loop_now());
	else
		free_recipient(packed);
}

bool
smtp_verdict_find(struct digest question, struct al_recipient *recipient)
{
	void *packed;

	return recent_find(&verdicts, question, loop_now(), &packed) &&
	       ipc_unpack(buf_slice(packed), &al_recipient_schema, recipient) == NULL;
}

void
smtp_verdict_forget_all(void)
{
	recent_forget_all(&verdicts);
}
