/*
 * Looking for a text in a stream, see search.h. Each byte of the stream costs constant time on average, also
 * where both text and stream were made to make it slow.
 */
#include "search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How many bytes match when `byte` follows after `matched` matching ones. */
static size_t step(const struct search *search, size_t matched, char byte)
{
    while (matched > 0 && search->wanted[matched] != byte)
        matched = search->border[matched - 1];
    return search->wanted[matched] == byte ? matched + 1 : 0;
}

int search_init(struct search *search, const char *wanted)
{
    size_t size = strlen(wanted);
    *search = (struct search){0};
    if (size == 0)
        return 0;
    if (size > UINT32_MAX)
        return -E2BIG;
    uint32_t *border = calloc(size, sizeof(*border));
    if (!border)
        return -ENOMEM;
    *search = (struct search){.wanted = wanted, .size = size, .border = border};
    for (size_t i = 1; i < size; i++)
        border[i] = (uint32_t)step(search, border[i - 1], wanted[i]);
    return 0;
}

void search_clear(struct search *search)
{
    free(search->border);
    *search = (struct search){0};
}

void search_feed(struct search *search, const void *data, size_t size)
{
    const char *bytes = data;
    size_t i = 0;
    while (i < size && !search_found(search)) {
        if (search->matched == 0) { /* memchr() goes through what matters not far faster */
            const char *next = memchr(bytes + i, search->wanted[0], size - i);
            if (!next)
                return;
            i = (size_t)(next - bytes);
        }
        search->matched = step(search, search->matched, bytes[i++]);
    }
}

bool search_found(const struct search *search)
{
    return search->matched == search->size;
}
