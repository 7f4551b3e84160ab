/* Records of the DNS: a name is one that mail can use, or none. */
#include "tests/fuzz/fuzz.h"

#include "smtpd/resolver/rdata.h"

static void
check_name(const char *name)
{
	size_t len = strlen(name);

	PROPERTY(len <= LIMIT_DOMAIN);
	PROPERTY(len == 0 || (name[0] != '.' && name[len - 1] != '.'));
	for (size_t i = 0; i < len; i++)
		PROPERTY((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
			 name[i] == '-' || name[i] == '_' ||
			 (name[i] == '.' && name[i - 1] != '.'));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	char name[LIMIT_DOMAIN + 1];
	uint16_t preference;

	if (rdata_name(in, name))
		check_name(name);
	if (rdata_mx(in, &preference, name)) {
		PROPERTY(preference == (data[0] << 8 | data[1]));
		check_name(name);
	}
	PROPERTY(rdata_reverse(in, name) == (size == 4 || size == 16));
	if (size == 4 || size == 16)
		check_name(name);
	return 0;
}
