/*
 * Bytes as text.
 */
#ifndef EXEC_ENCODE_H
#define EXEC_ENCODE_H

#include <stddef.h>
#include <stdint.h>

/* How many of the bytes to keep so that UTF-8 that was cut somewhere ends with a whole character. What is no
 * UTF-8 stays as it is. */
size_t encode_whole_characters(const uint8_t *data, size_t size);

/* Base64 with padding (RFC 4648, section 4), for free(). NULL: out of memory. */
char *encode_base64(const uint8_t *data, size_t size);

#endif
