/*
 * One scanner tells the pieces of a text apart; whether there are placeholders, how long the result
 * is and the result itself all come from it, so they cannot disagree.
 */
#include "base/template.h"

#include <stdlib.h>
#include <string.h>

enum piece { PIECE_END, PIECE_TEXT, PIECE_BRACE, PIECE_INDEX, PIECE_ITEM };

/* What stands at `at`, and how long it is in bytes. A PIECE_BRACE is two braces that stand for one. */
static enum piece next_piece(const char *at, size_t *length)
{
    static const char index[] = "{index}", item[] = "{item}";
    if (*at != '{' && *at != '}') {
        *length = strcspn(at, "{}");
        return *length > 0 ? PIECE_TEXT : PIECE_END;
    }
    if (at[1] == at[0]) {
        *length = 2;
        return PIECE_BRACE;
    }
    if (strncmp(at, index, sizeof(index) - 1) == 0) {
        *length = sizeof(index) - 1;
        return PIECE_INDEX;
    }
    if (strncmp(at, item, sizeof(item) - 1) == 0) {
        *length = sizeof(item) - 1;
        return PIECE_ITEM;
    }
    *length = 1;
    return PIECE_TEXT;
}

bool template_has_placeholder(const char *text)
{
    size_t length;
    for (enum piece piece; (piece = next_piece(text, &length)) != PIECE_END; text += length) {
        if (piece != PIECE_TEXT)
            return true;
    }
    return false;
}

bool template_has_item(const char *text)
{
    size_t length;
    for (enum piece piece; (piece = next_piece(text, &length)) != PIECE_END; text += length) {
        if (piece == PIECE_ITEM)
            return true;
    }
    return false;
}

/* Writes the expanded text, without NUL, to `out`, or nowhere when that is NULL; returns its length. */
static size_t expand(const char *text, const char *number, const char *item, char *out)
{
    size_t size = 0, length;
    size_t number_length = strlen(number), item_length = item ? strlen(item) : 0;
    for (enum piece piece; (piece = next_piece(text, &length)) != PIECE_END; text += length) {
        const char *from = text;
        size_t add = length;
        if (piece == PIECE_BRACE) {
            add = 1;
        } else if (piece == PIECE_INDEX) {
            from = number;
            add = number_length;
        } else if (piece == PIECE_ITEM && item) {
            from = item;
            add = item_length;
        }
        if (out)
            memcpy(out + size, from, add);
        size += add;
    }
    return size;
}

/* Room for 2^64 and the NUL. */
#define NUMBER_SIZE 24

/* By hand, since this runs for each job of a large batch and printf costs more than all the rest. Returns
 * where the number begins in `buffer`. */
static const char *show_index(uint64_t index, char buffer[NUMBER_SIZE])
{
    char *at = buffer + NUMBER_SIZE - 1;
    *at = '\0';
    do {
        *--at = (char)('0' + index % 10);
        index /= 10;
    } while (index > 0);
    return at;
}

size_t template_expanded_size(const char *text, uint64_t index, const char *item)
{
    char buffer[NUMBER_SIZE];
    return expand(text, show_index(index, buffer), item, NULL) + 1;
}

char *template_expand(const char *text, uint64_t index, const char *item)
{
    char buffer[NUMBER_SIZE];
    const char *number = show_index(index, buffer);
    size_t size = expand(text, number, item, NULL);
    char *out = malloc(size + 1);
    if (!out)
        return NULL;
    (void)expand(text, number, item, out);
    out[size] = '\0';
    return out;
}
