/*
 * A digest of JSON with its members sorted, as hexadecimal digits.
 */
#include "content.h"

#include <errno.h>
#include <stdio.h>
#include "interrupt.h"
#include "lines.h"

void content_begin(struct sha256 *content)
{
    sha256_begin(content);
}

static int add_text(const char *text, size_t size, void *context)
{
    sha256_add(context, text, size);
    return 0;
}

/* An end behind each entry: two cannot be taken for one. */
int content_add(struct sha256 *content, const json_t *entry)
{
    int error = json_dump_callback(entry, add_text, content,
                                   JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    sha256_add(content, "\n", 1);
    return error ? -ENOMEM : 0;
}

static int add_line(struct sha256 *content, const char *line, size_t size)
{
    if (!lines_trim(&line, &size))
        return 0;
    json_t *entry = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    int error = 0;
    if (!entry)
        sha256_add(content, line, size);
    else if (!json_object_get(entry, "batch")) /* the daemon compares the terms */
        error = content_add(content, entry);
    json_decref(entry);
    return error;
}

int content_add_lines(struct sha256 *content, struct lines *lines)
{
    const char *line;
    size_t size;
    int error = 0, result;
    while (!error && (result = lines_next(lines, &line, &size)) != 0) {
        if (result == 1)
            error = add_line(content, line, size);
        else if (result == -EAGAIN)
            error = lines_fill(lines);
        else
            error = result;
        if (interrupt_came())
            error = -EINTR;
    }
    return error;
}

void content_end(struct sha256 *content, char text[CONTENT_SIZE])
{
    uint8_t digest[SHA256_SIZE];
    sha256_end(content, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
}
