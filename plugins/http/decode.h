/*
 * Decompresses a gzip body as it comes. Unlike libcurl, which could do it as well, it tells when the end is missing.
 */
#ifndef AWAITD_HTTP_DECODE_H
#define AWAITD_HTTP_DECODE_H

#include <stdbool.h>
#include <stddef.h>

struct decode;

/* NULL: out of memory. */
struct decode *decode_new(void);
void decode_free(struct decode *decode);

enum decode_result {
    DECODE_OK,
    DECODE_BROKEN,  /* is not gzip, or was damaged: decode_problem() */
    DECODE_STOPPED, /* `take` did not want more */
};

/* The body's next bytes. What they are when decompressed goes to take(context, data, size), in pieces of at most
 * 16 KiB, as long as that returns true. */
enum decode_result decode_feed(struct decode *decode, const void *data, size_t size,
                               bool (*take)(void *context, const char *data, size_t size),
                               void *context);

/* Whether what came is whole: nothing at all, or up to the end of a gzip member (RFC 1952, 2.2). */
bool decode_is_whole(const struct decode *decode);
/* What is wrong, for people. */
const char *decode_problem(const struct decode *decode);

#endif
