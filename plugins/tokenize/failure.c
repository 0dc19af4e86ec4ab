/*
 * Writes reasons; see failure.h.
 */

#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

int failure_set(struct failure *failure, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(failure->text, sizeof(failure->text), format, arguments); /* may cut */
    va_end(arguments);
    return code;
}
