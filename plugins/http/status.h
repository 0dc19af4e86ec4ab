/*
 * Lists of status codes: the parameter expect_status. Pure functions.
 */
#ifndef AWAITD_HTTP_STATUS_H
#define AWAITD_HTTP_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <awaitd/plugin.h>

/* The first item that is neither a status such as "404" nor a range such as "200-299", 100 to 999 and in order;
 * NULL: all are good. */
const char *status_wrong_item(const struct aw_strings *list);

/* Whether a checked list has the status in it. */
bool status_listed(const struct aw_strings *list, long status);

/* Writes the list for people into `text` (size bytes, NUL included), cut where it does not fit. */
void status_list_text(const struct aw_strings *list, char *text, size_t size);

#endif
