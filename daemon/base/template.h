/*
 * {index} and {item} in texts: what lets one job entry stand for a million jobs. "{{" and "}}" stand
 * for single braces; any other use of braces is left as it is.
 */
#ifndef AWAITD_BASE_TEMPLATE_H
#define AWAITD_BASE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether expanding the text would change it. */
bool template_has_placeholder(const char *text);

/* Whether the text names {item}, which only jobs made from `items` have. */
bool template_has_item(const char *text);

/* How many bytes template_expand() would need, NUL included. Where text and item come from strangers, ask
 * first: half a megabyte of "{item}" and an item of half a megabyte make 40 GB. */
size_t template_expanded_size(const char *text, uint64_t index, const char *item);

/* The text with its placeholders replaced, for the caller to free. `item` may be NULL where the text
 * has no {item}. NULL: out of memory. */
char *template_expand(const char *text, uint64_t index, const char *item);

#endif
