/*
 * Writes fields into lines: key=value, in quotes where a value could be taken for something else.
 * Whatever the value, the line stays one line of valid UTF-8.
 */
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include "base/utf8.h"

/* The end of a line that is being written; stops at the first piece that does not fit. */
struct writer {
    char *at, *end; /* `end` keeps room for what must follow */
    bool full;
};

static void put(struct writer *writer, const void *data, size_t size)
{
    if (writer->full || size > (size_t)(writer->end - writer->at)) {
        writer->full = true;
        return;
    }
    memcpy(writer->at, data, size);
    writer->at += size;
}

/* The character at `at`, of `length` bytes, is written as it is; 0: in hex, byte by byte. */
static size_t plain_length(const uint8_t *at, const uint8_t *end)
{
    size_t length = utf8_step(at, end);
    bool control = *at < ' ' || *at == 0x7F || (length == 2 && at[0] == 0xC2 && at[1] < 0xA0);
    return control ? 0 : length;
}

/* Writes one character and returns its length in the value. */
static size_t put_quoted(struct writer *writer, const uint8_t *at, const uint8_t *end)
{
    static const char *const named[256] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t",
    };
    char hex[5];
    size_t length = plain_length(at, end);
    if (named[*at]) {
        put(writer, named[*at], 2);
        return 1;
    }
    if (length > 0) {
        put(writer, at, length);
        return length;
    }
    (void)snprintf(hex, sizeof(hex), "\\x%02x", *at);
    put(writer, hex, 4);
    return 1;
}

static bool needs_quotes(const uint8_t *at, const uint8_t *end)
{
    if (at == end)
        return true;
    for (size_t length; at < end; at += length) {
        length = plain_length(at, end);
        if (length == 0 || memchr(" \"=", *at, 3))
            return true;
    }
    return false;
}

void log_field(char *line, size_t size, const char *key, const char *value)
{
    size_t used = strnlen(line, size);
    const uint8_t *at = (const uint8_t *)value, *end = at + strlen(value);
    bool quoted = needs_quotes(at, end);
    size_t around = 1 + strlen(key) + 1 + (quoted ? 2 : 0) + 1; /* blank, '=', quotes, NUL */
    if (size - used < around)
        return; /* half a key says nothing */

    struct writer writer = {.at = line + used, .end = line + size - 1 - (quoted ? 1 : 0)};
    put(&writer, " ", 1);
    put(&writer, key, strlen(key));
    put(&writer, quoted ? "=\"" : "=", quoted ? 2 : 1);
    while (at < end && !writer.full) {
        size_t length = quoted ? put_quoted(&writer, at, end) : utf8_step(at, end);
        if (!quoted)
            put(&writer, at, length);
        at += length;
    }
    if (quoted)
        *writer.at++ = '"';
    *writer.at = '\0';
}
