/*
 * The details of a job: a JSON object of facts beside its output, which travels as text from the plugin to
 * the clients and is not rewritten on the way.
 */
#ifndef AWAITD_WIRE_DETAILS_H
#define AWAITD_WIRE_DETAILS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/bytes.h"

/* How deep objects and arrays may be nested, the outermost object included. The parser calls itself for
 * each level, some 200 bytes of stack at a time, and plugins tell details on the small stacks of fibers. */
#define DETAILS_DEPTH_MAX 32

/* Replaces what is in `out` with the text without the blanks between its parts. NULL: done; else what is
 * wrong, in words to follow "the details", and `out` is as it was. Any thread. */
const char *details_read(struct bytes *out, const char *text, size_t size);

/* Whether the bytes are what details_read() writes: a JSON object without blanks, newlines among them,
 * between its parts. */
bool details_are_valid(struct bytes_view details);

#endif
