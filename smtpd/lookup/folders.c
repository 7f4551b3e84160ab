#include "smtpd/lookup/folders.h"

#include <stdlib.h>
#include <string.h>

char *
folder_of(struct slice path)
{
	ptrdiff_t slash = slice_find_last(path, '/');

	if (slash < 0)
		return slice_text(SLICE("."));
	return slice_text(slice_sub(path, 0, slash == 0 ? 1 : (size_t)slash));
}

static bool
has(const struct folders *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->names[i], name) == 0)
			return true;
	}
	return false;
}

bool
folders_add(struct folders *f, struct slice file, struct error *why)
{
	char *name = folder_of(file);

	if (has(f, name)) {
		free(name);
		return true;
	}
	if (f->count == LIMIT_TABLE_FOLDERS) {
		free(name);
		return error_set(why,
		    "the tables' files lie in more than %d folders; "
		    "the first one too many is that of %.*s",
		    LIMIT_TABLE_FOLDERS, SLICE_FMT(file));
	}
	f->names[f->count++] = name;
	return true;
}

bool
folders_hold(const struct folders *f, const struct folders *some)
{
	for (size_t i = 0; i < some->count; i++) {
		if (!has(f, some->names[i]))
			return false;
	}
	return true;
}

void
folders_fini(struct folders *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->names[i]);
	*f = (struct folders){.count = 0};
}
