/*
 * Finds parts of JSON text without parsing it: the value of a member, the elements of an array. What
 * is large can so be read piece by piece, instead of all at once into a tree of a hundred times as
 * many allocations. Knows strings and brackets, nothing else of JSON: every piece must still be
 * parsed. Where an object with its array cut out is valid JSON, the array's elements are, and the
 * commas between them were there, the whole was valid. Allocates nothing and never calls itself.
 */
#ifndef AWAITD_WIRE_SLICE_H
#define AWAITD_WIRE_SLICE_H

#include <stdbool.h>
#include "base/bytes.h"

/* The text of the value of the first member of this name in the text of an object. Data NULL: there is
 * none, its name is written with escapes, or something malformed stands before it. */
struct bytes_view slice_member(struct bytes_view object, const char *name);

/* The same from there to the end of the object's text, whatever comes in it: for those who look into the value, and
 * need not have its end looked for before. */
struct bytes_view slice_from_member(struct bytes_view object, const char *name);

/* The elements of an array, one after the other. */
struct slice_elements {
    const uint8_t *at, *end;
    bool first;
};

/* Begins with the text of an array, brackets included. False: it does not begin with one. */
bool slice_elements_begin(struct slice_elements *elements, struct bytes_view array);

/* The text of the next element. 1: *out; 0: the array is at its end, and so is the text; -EBADMSG:
 * malformed. */
int slice_elements_next(struct slice_elements *elements, struct bytes_view *out);

#endif
