/*
 * The failure that ends the program, and words for people. Prints nothing on standard output.
 */
#include "ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "text.h"

int ctl_fail(struct ctl *ctl, enum ctl_exit code, const char *format, ...)
{
    struct error error;
    va_list arguments;
    va_start(arguments, format);
    /* By way of a second buffer: the arguments may quote the failure told so far. */
    (void)vsnprintf(error.text, sizeof(error.text), format, arguments); /* too long: cut */
    va_end(arguments);
    ctl->error = error;
    return code;
}

int ctl_fail_memory(struct ctl *ctl)
{
    return ctl_fail(ctl, CTL_REFUSED, "out of memory");
}

void ctl_say(const struct ctl *ctl, const char *format, ...)
{
    if (ctl->quiet)
        return;
    (void)fflush(stdout); /* in the order it was said; main looks at ferror */
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments); /* nobody is left to tell when stderr fails */
    va_end(arguments);
    (void)fputc('\n', stderr);
}

static void tell(const char *field, const char *text)
{
    (void)fputs("awaitctl: ", stderr);
    if (field && *field) {
        text_put(stderr, field, strlen(field));
        (void)fputs(": ", stderr);
    }
    text_put(stderr, text, strlen(text));
    (void)fputc('\n', stderr);
}

void ctl_tell_failure(struct ctl *ctl)
{
    (void)fflush(stdout); /* in the order it was said; main looks at ferror */
    size_t i;
    json_t *problem;
    json_array_foreach (ctl->problems, i, problem) {
        const char *text = json_string_value(json_object_get(problem, "problem"));
        tell(json_string_value(json_object_get(problem, "field")), text ? text : "is not accepted");
    }
    if (ctl->error.text[0] && json_array_size(ctl->problems) == 0)
        tell(NULL, ctl->error.text);
    json_decref(ctl->problems);
    ctl->problems = NULL;
    ctl->error.text[0] = '\0';
}
