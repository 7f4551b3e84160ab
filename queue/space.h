/*
 * Room on the queue's disk. Below a twentieth of octets or inodes no mail is taken any more, while
 * the way out goes on; when there is next to nothing it stops too, for a delivery whose outcome
 * cannot be written down would happen twice.
 */
#ifndef QUEUE_SPACE_H
#define QUEUE_SPACE_H

#include "common/base/slice.h"

enum space_state { SPACE_ENOUGH, SPACE_SHORT, SPACE_NONE };

/* Watches the file system of folder; changed() is called when the state became another. */
void queue_space_init(const char *folder, void (*changed)(void));

/* The state; looked at again when the last look is a moment ago. */
enum space_state queue_space(void);

/* A write just failed for want of room: look now. */
void queue_space_look(void);

/* Pure: what these numbers mean, coming from that state. Files 0: they are not counted. */
enum space_state queue_space_judge(enum space_state was, uint64_t octets, uint64_t free_octets,
    uint64_t files, uint64_t free_files);

#endif
