#include "queue/space.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/loop.h"

#include <sys/statvfs.h>

enum {
	LOOK_SECONDS = 2,
	FRESH_MS = 50,
	SHORT_PERCENT = 5,
	ENOUGH_PERCENT = 6, /* a little above, so that the border is not crossed all the time */
	NONE_OCTETS = 1024 * 1024,
	NONE_FILES = 16,
};

static struct {
	char *folder;
	void (*changed)(void);
	struct timer timer;
	struct moment looked;
	enum space_state state;
} space;

static bool
is_below(uint64_t part, uint64_t whole, unsigned percent)
{
	return part < whole / 100 * percent;
}

enum space_state
queue_space_judge(enum space_state was, uint64_t octets, uint64_t free_octets, uint64_t files,
    uint64_t free_files)
{
	unsigned percent = was == SPACE_ENOUGH ? SHORT_PERCENT : ENOUGH_PERCENT;

	if (free_octets < NONE_OCTETS || (files > 0 && free_files < NONE_FILES))
		return SPACE_NONE;
	if (is_below(free_octets, octets, percent) || is_below(free_files, files, percent))
		return SPACE_SHORT;
	return SPACE_ENOUGH;
}

void
queue_space_look(void)
{
	struct statvfs v;
	enum space_state was = space.state;

	space.looked = loop_now();
	if (statvfs(space.folder, &v) < 0)
		return;
	space.state = queue_space_judge(was, (uint64_t)v.f_blocks * v.f_frsize,
	    (uint64_t)v.f_bavail * v.f_frsize, v.f_files, v.f_favail);
	if (space.state == was)
		return;
	if (space.state == SPACE_ENOUGH)
		log_event(NULL, EV_queue_open, WORD("why", "there is room on the disk again"));
	else
		log_event(NULL, EV_queue_full, WORD("folder", space.folder),
		    NUM("free_octets", (uint64_t)v.f_bavail * v.f_frsize),
		    NUM("free_files", v.f_favail));
	space.changed();
}

static void
on_timer(void *owner)
{
	queue_space_look();
	timer_start(&space.timer, SPAN_SECONDS(LOOK_SECONDS));
}

void
queue_space_init(const char *folder, void (*changed)(void))
{
	space.folder = slice_text(slice_of(folder));
	space.changed = changed;
	timer_init(&space.timer, on_timer, NULL);
	on_timer(NULL);
}

enum space_state
queue_space(void)
{
	if (space.looked.ms + FRESH_MS <= loop_now().ms)
		queue_space_look();
	return space.state;
}
