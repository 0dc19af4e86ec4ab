/*
 * Tells of most JSON objects that they are valid without parsing them, at a tenth of the cost: for small
 * objects that come by the ten thousand.
 */
#ifndef AWAITD_WIRE_JSON_SCAN_H
#define AWAITD_WIRE_JSON_SCAN_H

#include <stddef.h>

enum json_scan {
    JSON_SCAN_UNSURE,  /* it may be valid or not: parse it */
    JSON_SCAN_SPACED,  /* a valid object */
    JSON_SCAN_COMPACT, /* a valid object, without blanks between its parts */
};

/* What these bytes are. Where it is sure, jansson reads the object, too, also with
 * JSON_REJECT_DUPLICATES, if JSON_ALLOW_NUL is given, and it is nested at most 16 deep. Allocates nothing and
 * never calls itself. Any thread. */
enum json_scan json_scan(const void *text, size_t size);

#endif
