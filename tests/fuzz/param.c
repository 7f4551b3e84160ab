/* Parameters of Content-Type and Content-Disposition. */
#include "tests/fuzz/fuzz.h"

#include "common/base/utf8.h"
#include "common/mail/param.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct param_field f;
	struct slice in = fuzz_slice(data, size);
	struct buf text = {0};
	size_t octets = 0;

	param_init(&f);
	param_parse(&f, in);
	PROPERTY(f.count <= LIMIT_PARAMETERS);
	PROPERTY(fuzz_is_one_line(f.type) && fuzz_is_one_line(f.subtype));
	for (size_t i = 0; i < f.count; i++) {
		const struct param *p = &f.params[i];

		PROPERTY(p->name.len > 0 && fuzz_is_one_line(p->name));
		PROPERTY(fuzz_is_one_line(p->value));
		octets += p->name.len + p->value.len;
		buf_clear(&text);
		param_text(p, &text);
		PROPERTY(utf8_is_valid(buf_slice(&text)) && fuzz_is_one_line(buf_slice(&text)));
		PROPERTY(text.len <= 4 * p->value.len);
	}
	PROPERTY(octets <= 3 * size);
	param_find(&f, "name");
	PROPERTY(fuzz_lies_in(param_word(in), in));
	buf_fini(&text);
	param_fini(&f);
	return 0;
}
