/*
 * {index} and {item} in texts: what lets one job entry stand for a million jobs. "{{" and "}}" stand
 * for single braces; any other use of braces is left as it is.
 */
#ifndef AWAITD_BASE_TEMPLATE_H
#define AWAITD_BASE_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether expanding the text would change it. */
bool template_has_placeholder(const char *text);

/* Whether the text names {item}, which only jobs made from `items` have. */
bool template_has_item(const char *text);

/* The text with its placeholders replaced, for the caller to free. `item` may be NULL where the text
 * has no {item}. NULL: out of memory. */
char *template_expand(const char *text, uint64_t index, const char *item);

#endif
