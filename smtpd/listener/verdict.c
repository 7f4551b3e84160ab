#include "smtpd/listener/verdict.h"

#include "common/base/mem.h"
#include "common/base/recent.h"
#include "common/net/loop.h"

static void
free_recipient(void *value)
{
	struct buf *packed = value;

	buf_fini(packed);
	free(packed);
}

static struct recent verdicts = RECENT(verdicts, LIMIT_VERDICTS, LIMIT_VERDICT_MS, free_recipient);

/* A packed question holds every fact that the answer may hang on. */
static bool
digest_question(const struct al_route *question, struct digest *d)
{
	struct buf packed = {0};
	bool ok = ipc_pack(&packed, &al_route_schema, question) == NULL;

	*d = digest_of((const struct slice[]){buf_slice(&packed)}, 1);
	buf_fini(&packed);
	return ok;
}

void
smtp_verdict_add(const struct al_route *question, const struct al_recipient *recipient)
{
	struct buf *packed = mem_zero(sizeof(*packed));
	struct digest d;

	if (digest_question(question, &d) &&
	    ipc_pack(packed, &al_recipient_schema, recipient) == NULL)
		recent_add(&verdicts, d, packed, loop_now());
	else
		free_recipient(packed);
}

bool
smtp_verdict_find(const struct al_route *question, struct al_recipient *recipient)
{
	struct digest d;
	void *packed;

	return digest_question(question, &d) && recent_find(&verdicts, d, loop_now(), &packed) &&
	       ipc_unpack(buf_slice(packed), &al_recipient_schema, recipient) == NULL;
}

void
smtp_verdict_forget_all(void)
{
	recent_forget_all(&verdicts);
}
