/*
 * Runs a fuzz target as a test, without libFuzzer: replay FOLDER. Each seed in the folder is given
 * to the target as it is, cut short at each place, and with each octet spoiled. Then it is a unit
 * that is repeated, whole or in part, up to LARGE octets: the time for that must grow with the size
 * and not with its square. Every input has a piece of memory of just its size.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <time.h>

enum {
	LARGE = 64 * 1024, /* octets: 1/8, 1/4, 1/2 and all of it are timed */
	SPOILED = 1024,    /* octets of a seed that are cut and spoiled */
	SLOW = 1000,       /* ms that no input of LARGE octets may take */
	UNMISTAKABLE = 40, /* ms below which a measured time says nothing */
	STEEP = 3,         /* times: more than this for twice the octets is no line */
	TRIES = 3,         /* the best of these counts, for the machine does other things too */
};

static void
run(struct slice octets)
{
	uint8_t *copy = malloc(octets.len > 0 ? octets.len : 1);

	if (copy == NULL)
		abort();
	if (octets.len > 0)
		memcpy(copy, octets.data, octets.len);
	LLVMFuzzerTestOneInput(copy, octets.len);
	free(copy);
}

static double
milliseconds(struct slice octets)
{
	struct timespec from, to;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	run(octets);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	return (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
}

/* before, then unit as often as size has room for it, then after. */
static double
time_of(struct slice before, struct slice unit, struct slice after, size_t size)
{
	struct buf b = {0};
	double taken;

	buf_add_slice(&b, before);
	while (b.len + unit.len + after.len <= size)
		buf_add_slice(&b, unit);
	buf_add_slice(&b, after);
	taken = milliseconds(buf_slice(&b));
	buf_fini(&b);
	return taken;
}

static bool
is_too_steep(struct slice before, struct slice unit, struct slice after, double *all)
{
	double half = time_of(before, unit, after, LARGE / 2);
	double quarter = time_of(before, unit, after, LARGE / 4);
	double eighth = time_of(before, unit, after, LARGE / 8);

	*all = time_of(before, unit, after, LARGE);
	return *all > SLOW || (*all > UNMISTAKABLE && *all > STEEP * half &&
				  half > STEEP * quarter && quarter > STEEP * eighth);
}

static bool
check_time(const char *name, struct slice before, struct slice unit, struct slice after)
{
	double all;

	if (unit.len == 0)
		return true;
	for (int i = 0; i < TRIES; i++) {
		if (!is_too_steep(before, unit, after, &all))
			return true;
	}
	fprintf(stderr,
	    "%s: %.0f ms for %d octets of its \"%.*s\": too slow, or steeper than a line\n", name,
	    all, LARGE, SLICE_FMT(slice_sub(unit, 0, 60)));
	return false;
}

/* Whole, its last octets, some in its middle, and what follows its first line. */
static bool
check_times(const char *name, struct slice seed)
{
	struct slice none = {NULL, 0};
	size_t middle = seed.len / 2;
	ptrdiff_t line = slice_find(seed, '\n');
	struct slice rest = slice_from(seed, line < 0 ? seed.len : (size_t)line + 1);
	bool ok = check_time(name, none, seed, none);

	if (seed.len > LARGE / 16)
		return ok;
	for (size_t n = 1; n <= 2 && n < seed.len; n++)
		ok &= check_time(
		    name, slice_sub(seed, 0, seed.len - n), slice_from(seed, seed.len - n), none);
	ok &= check_time(name, slice_sub(seed, 0, middle), slice_sub(seed, middle, 1),
	    slice_from(seed, middle + 1));
	return check_time(name, slice_sub(seed, 0, seed.len - rest.len), rest, none) && ok;
}

static void
check_broken(struct slice seed)
{
	static const char odd[] = {'\0', '\r', '\n', ' ', '"', '(', '\\', '9', (char)0xff};
	size_t most = seed.len < SPOILED ? seed.len : SPOILED;
	char *octets = malloc(seed.len + 1);

	if (octets == NULL)
		abort();
	for (size_t i = 0; i < most; i++) {
		run(slice_sub(seed, 0, i));
		memcpy(octets, seed.data, seed.len);
		octets[i] = odd[i % sizeof(odd)];
		run(slice_make(octets, seed.len));
		octets[i] = (char)(seed.data[i] ^ 1 << (i % 8));
		run(slice_make(octets, seed.len));
	}
	free(octets);
}

static bool
replay(const char *folder, const char *name)
{
	struct buf path = {0}, seed = {0};
	FILE *f;
	bool ok;

	buf_printf(&path, "%s/%s", folder, name);
	f = fopen(buf_text(&path), "re");
	buf_fini(&path);
	if (f == NULL) {
		fprintf(stderr, "%s: %s\n", name, strerror(errno));
		return false;
	}
	for (int c = getc(f); c != EOF; c = getc(f))
		buf_add_char(&seed, (char)c);
	fclose(f);
	printf("%s\n", name); /* the last one named is the one that broke it */
	run(buf_slice(&seed));
	check_broken(buf_slice(&seed));
	ok = check_times(name, buf_slice(&seed));
	buf_fini(&seed);
	return ok;
}

int
main(int argc, char *argv[])
{
	struct dirent **entries;
	bool ok = true;
	int n, seeds = 0;

	if (argc != 2 || (n = scandir(argv[1], &entries, NULL, alphasort)) < 0) {
		fprintf(stderr, "replay FOLDER: each file in it is a seed\n");
		return EXIT_FAILURE;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	run(SLICE(""));
	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.') {
			ok &= replay(argv[1], entries[i]->d_name);
			seeds++;
		}
		free(entries[i]);
	}
	free(entries);
	printf("%d seeds%s\n", seeds, ok ? "" : ", and one is wrong");
	return ok && seeds > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
