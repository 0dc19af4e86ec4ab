/*
 * Lists of names as the messages have them, told to people.
 */
#ifndef AWAITD_WIRE_NAME_LIST_H
#define AWAITD_WIRE_NAME_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

/* How many names are told before the rest is counted; enough to see whose they are. */
#define NAME_LIST_TOLD 8

/* Whether it is an array of at most `max` texts. NULL is none. */
bool name_list_is(const json_t *names, size_t max);

/* Writes "a, b and 3 more" to `buffer`, cut where it does not fit. false: there are none; *buffer is untouched. */
bool name_list_tell(const json_t *names, char *buffer, size_t size);

#endif
