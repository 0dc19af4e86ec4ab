/*
 * What a header of a request may be (RFC 9110, 5): no way to smuggle a second header, or a second request. Pure
 * functions.
 */
#ifndef AWAITD_HTTP_HEADER_H
#define AWAITD_HTTP_HEADER_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that a header's name has at most; those in use have less than 50. */
#define HEADER_NAME_BYTES 256

/* Whether the bytes are a token (RFC 9110, 5.6.2): the name of a header, or a method. */
bool header_is_token(const char *text, size_t size);
/* Whether the text can be a header's value: no control characters but tabs. */
bool header_is_value(const char *text);
/* What is wrong with a line "Name: value", for people; NULL: nothing. */
const char *header_problem(const char *line);

#endif
