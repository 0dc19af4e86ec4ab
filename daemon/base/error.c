/*
 * Stories are put together in a buffer of their own first, since what is formatted may be the story
 * told so far. Descriptions of codes are glibc's own, in English whatever the locale.
 */
#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include "base/utf8.h"

/* Formats one byte more than a story holds, so that utf8_copy() sees that it must cut. */
struct draft {
    char text[sizeof(((struct error *)0)->text) + 1];
};

__attribute__((format(printf, 2, 0))) static void format_draft(struct draft *draft,
                                                               const char *format,
                                                               va_list arguments)
{
    if (vsnprintf(draft->text, sizeof(draft->text), format, arguments) < 0)
        draft->text[0] = '\0';
}

/* The draft, with `rest` behind it. */
static void tell(struct error *error, const struct draft *draft, const char *rest)
{
    char whole[sizeof(draft->text) + 2 + sizeof(error->text)];
    (void)snprintf(whole, sizeof(whole), "%s%s%s", draft->text, *rest ? ": " : "", rest);
    (void)utf8_copy(error->text, sizeof(error->text), whole);
    utf8_mend(error->text);
}

int error_set(struct error *error, int code, const char *format, ...)
{
    if (!error)
        return code;
    struct draft draft;
    va_list arguments;
    va_start(arguments, format);
    format_draft(&draft, format, arguments);
    va_end(arguments);
    tell(error, &draft, "");
    return code;
}

int error_errno(struct error *error, int code, const char *format, ...)
{
    if (!error)
        return code;
    struct draft draft;
    va_list arguments;
    va_start(arguments, format);
    format_draft(&draft, format, arguments);
    va_end(arguments);

    const char *description = strerrordesc_np(-code);
    char number[32];
    if (!description) {
        (void)snprintf(number, sizeof(number), "error %d", -code);
        description = number;
    }
    tell(error, &draft, description);
    return code;
}

int error_prefix(struct error *error, int code, const char *format, ...)
{
    if (!error)
        return code;
    struct draft draft;
    va_list arguments;
    va_start(arguments, format);
    format_draft(&draft, format, arguments);
    va_end(arguments);
    tell(error, &draft, error->text);
    return code;
}
