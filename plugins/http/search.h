/*
 * Looks for a text in a stream that comes in pieces, however it is cut, without keeping any of it
 * (Knuth, Morris, Pratt).
 */
#ifndef AWAITD_HTTP_SEARCH_H
#define AWAITD_HTTP_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: looks for nothing, and has found it. */
struct search {
    const char *wanted;
    size_t size;    /* bytes of it */
    size_t matched; /* of them, how many the last bytes of the stream were */
    uint32_t *
        border; /* [i]: the longest beginning of `wanted` that its first i + 1 bytes end with, in bytes */
};

/* `wanted` stays the caller's, who keeps it until search_clear(). -ENOMEM, -E2BIG (4 GiB or more): *search is
 * as zeroed. */
int search_init(struct search *search, const char *wanted);
void search_clear(struct search *search);

/* The stream's next bytes. */
void search_feed(struct search *search, const void *data, size_t size);
/* Whether the text has come by. */
bool search_found(const struct search *search);

#endif
