#include "common/conf/words.h"

#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

#define SERVICE(word, service, tls, auth, port) {word, service, tls, auth, port},
static const struct conf_service_word services[] = {CONF_SERVICES(SERVICE)};

#define BACKEND(value, word, has_path) [value] = {word, has_path},
static const struct {
	const char *word;
	bool has_path;
} backends[] = {CONF_BACKENDS(BACKEND)};

#define WORD_OF(value, word) [value] = word,
static const char *const methods[] = {CONF_METHODS(WORD_OF)};
static const char *const subjects[] = {CONF_SUBJECTS(WORD_OF)};

const struct conf_service_word *
conf_service_find(const char *word)
{
	for (size_t i = 0; i < ITEMS(services); i++) {
		if (strcmp(services[i].word, word) == 0)
			return &services[i];
	}
	return NULL;
}

const struct conf_service_word *
conf_service_word(enum conf_service s, bool is_implicit)
{
	for (size_t i = 0; i < ITEMS(services); i++) {
		if (services[i].service == s && (services[i].tls == TLS_IMPLICIT) == is_implicit)
			return &services[i];
	}
	return NULL;
}

const char *
conf_method_word(enum conf_method m)
{
	return methods[m];
}

const char *
conf_subject_word(enum conf_subject s)
{
	return subjects[s];
}

bool
conf_backend_find(struct slice word, enum conf_backend *b)
{
	for (size_t i = 0; i < ITEMS(backends); i++) {
		if (slice_equal_text(word, backends[i].word)) {
			*b = (enum conf_backend)i;
			return true;
		}
	}
	return false;
}

const char *
conf_backend_word(enum conf_backend b)
{
	return backends[b].word;
}

bool
conf_backend_has_path(enum conf_backend b)
{
	return backends[b].has_path;
}
