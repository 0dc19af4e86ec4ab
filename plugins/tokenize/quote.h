/*
 * Texts as JSON.
 */
#ifndef TOKENIZE_QUOTE_H
#define TOKENIZE_QUOTE_H

#include <stddef.h>
#include <stdint.h>

/* Gives `put` the text as a JSON string, quotes and all, in pieces of at most some hundred bytes. The text is
 * valid UTF-8; what is not ASCII stays as it is. */
void quote(const uint8_t *text, size_t size,
           void (*put)(void *context, const void *data, size_t size), void *context);

#endif
