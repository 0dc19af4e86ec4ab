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

/* The stream forgets the reason. */
static void note_failure(struct ctl *ctl)
{
    if (!ctl->output_errno)
        ctl->output_errno = errno;
}

void ctl_write(struct ctl *ctl, const void *data, size_t size)
{
    if (fwrite(data, 1, size, stdout) < size)
        note_failure(ctl);
}

void ctl_flush(struct ctl *ctl)
{
    if (fflush(stdout) != 0)
        note_failure(ctl);
}

static void say(struct ctl *ctl, const char *prefix, const char *format, va_list arguments)
{
    ctl_flush(ctl);              /* in the order it was said */
    (void)fputs(prefix, stderr); /* nobody is left to tell when stderr fails */
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
}

void ctl_say(struct ctl *ctl, const char *format, ...)
{
    if (ctl->quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    say(ctl, "", format, arguments);
    va_end(arguments);
}

void ctl_warn(struct ctl *ctl, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(ctl, "awaitctl: ", format, arguments);
    va_end(arguments);
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
    ctl_flush(ctl); /* in the order it was said */
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
