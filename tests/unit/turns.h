/*
 * Lets the loop run for a while in a unit test. A machine that is busy elsewhere may be back only
 * when the while is over: a turn for each millisecond is had all the same, or as many as it takes
 * until all that was said is heard.
 */
#ifndef TESTS_UNIT_TURNS_H
#define TESTS_UNIT_TURNS_H

#include <stdint.h>

/* ms: 1 at least. */
void turns_for(int64_t ms);

#endif
