/*
 * Writes JSON text straight into a buffer, for what is written by the million. Everything else
 * goes through jansson.
 */
#ifndef AWAITD_WIRE_JSON_TEXT_H
#define AWAITD_WIRE_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/bytes.h"

/* The bytes as they are; for punctuation and constant parts. Inline, so that their lengths are constants: looking
 * for their ends was a tenth of what the supervisor did for a job that is followed. */
static inline void json_text_raw(struct bytes *out, const char *text)
{
    bytes_put(out, text, strlen(text));
}
/* A string in quotes, escaped. The bytes must be valid UTF-8. */
void json_text_string(struct bytes *out, const char *text, size_t size);
void json_text_integer(struct bytes *out, uint64_t value);
/* Nanoseconds as seconds with up to 9 decimals, without trailing zeros: 1.000123. */
void json_text_seconds(struct bytes *out, uint64_t ns);
/* A string in quotes, in base64 (RFC 4648, with padding). */
void json_text_base64(struct bytes *out, const void *data, size_t size);

#endif
