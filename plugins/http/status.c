/*
 * Lists of status codes, see status.h. They are read where they are used, since most have one item, and so
 * a job needs no memory for them.
 */
#include "status.h"

#include <stdio.h>

/* Three digits: RFC 9110, 15. */
static bool read_status(const char **at, long *out)
{
    const char *text = *at;
    long status = 0;
    for (int i = 0; i < 3; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        status = status * 10 + (text[i] - '0');
    }
    *at = text + 3;
    *out = status;
    return status >= 100;
}

static bool read_item(const char *item, long *first, long *last)
{
    if (!read_status(&item, first))
        return false;
    *last = *first;
    if (*item == '-') {
        item++;
        if (!read_status(&item, last))
            return false;
    }
    return *item == '\0' && *first <= *last;
}

const char *status_wrong_item(const struct aw_strings *list)
{
    long first, last;
    for (size_t i = 0; i < list->count; i++)
        if (!read_item(list->items[i], &first, &last))
            return list->items[i];
    return NULL;
}

bool status_listed(const struct aw_strings *list, long status)
{
    long first, last;
    for (size_t i = 0; i < list->count; i++)
        if (read_item(list->items[i], &first, &last) && first <= status && status <= last)
            return true;
    return false;
}

void status_list_text(const struct aw_strings *list, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < list->count && used < size; i++) {
        const char *between = i == 0 ? "" : i + 1 == list->count ? " or " : ", ";
        used += (size_t)snprintf(text + used, size - used, "%s%s", between, list->items[i]);
    }
}
