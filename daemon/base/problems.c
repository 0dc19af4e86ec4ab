/*
 * The list of problems. Fields and texts may quote what a stranger sent, so they are mended to valid
 * UTF-8 and cut; they always go out as JSON.
 */
#include "base/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"

/* Stand in for a copy there was no memory for; never freed. */
static const char no_field[] = "?", no_text[] = "out of memory";

static char *copy_or(const char *text, const char *instead)
{
    char cut[PROBLEMS_TEXT_SIZE];
    (void)utf8_copy(cut, sizeof(cut), text);
    utf8_mend(cut);
    char *copy = strdup(cut);
    return copy ? copy : (char *)(uintptr_t)instead;
}

void problems_add(struct problems *problems, const char *field, const char *format, ...)
{
    size_t at = problems->count++;
    if (at >= PROBLEMS_KEPT)
        return;
    char text[PROBLEMS_TEXT_SIZE + 1]; /* one byte more, so that copy_or() sees that it must cut */
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof(text), format, arguments) < 0)
        text[0] = '\0';
    va_end(arguments);
    problems->kept[at] = (struct problem){
        .field = copy_or(field, no_field),
        .text = copy_or(text, no_text),
    };
}

void problems_clear(struct problems *problems)
{
    for (size_t i = 0; i < problems->count && i < PROBLEMS_KEPT; i++) {
        struct problem *problem = &problems->kept[i];
        if (problem->field != no_field)
            free(problem->field);
        if (problem->text != no_text)
            free(problem->text);
    }
    *problems = (struct problems){0};
}

bool problems_full(const struct problems *problems)
{
    return problems->count >= PROBLEMS_KEPT;
}

json_t *problems_json(const struct problems *problems)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < problems->count && i < PROBLEMS_KEPT; i++) {
        json_t *object = json_pack("{s:s, s:s}", "field", problems->kept[i].field, "problem",
                                   problems->kept[i].text);
        if (json_array_append_new(array, object) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

void problems_first(const struct problems *problems, char *buffer, size_t size)
{
    if (size == 0)
        return;
    char text[2 * PROBLEMS_TEXT_SIZE + 64] = "";
    if (problems->count > 0) {
        const struct problem *first = &problems->kept[0];
        int length = snprintf(text, sizeof(text), "%s: %s", first->field, first->text);
        if (problems->count > 1)
            (void)snprintf(text + length, sizeof(text) - (size_t)length, " (and %zu more)",
                           problems->count - 1);
    }
    (void)utf8_copy(buffer, size, text);
}
