/*
 * Any text as a point in time: what is refused leaves the output alone; what is taken as RFC 3339 lies
 * in the years it can write, and is the moment that the C library's calendar finds for it.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The number that the text begins with. */
static int leading(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

/* The same by timegm(), which takes any numbers; the text is known to be well formed. */
static double by_library(const char *text)
{
    struct tm tm = {
        .tm_year = leading(text) - 1900,
        .tm_mon = leading(text + 5) - 1,
        .tm_mday = leading(text + 8),
        .tm_hour = leading(text + 11),
        .tm_min = leading(text + 14),
        .tm_sec = leading(text + 17),
    };
    double offset_s = 0;
    size_t length = strlen(text);
    if (text[length - 1] != 'Z' && text[length - 1] != 'z') {
        const char *offset = text + length - 6;
        offset_s = (*offset == '-' ? -60.0 : 60.0) * (leading(offset + 1) * 60 + leading(offset + 4));
    }
    return (double)timegm(&tm) - offset_s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';

    double seconds = -77, number;
    int result = parse_time(text, &seconds);
    if (result != 0 && seconds != -77)
        abort();
    if (result == 0 && parse_number(text, &number) == 0 && number != seconds)
        abort();
    if (result == 0 && parse_number(text, &number) != 0) {
        double whole = by_library(text);
        if (seconds < whole || seconds > whole + 1)
            abort();
        if (seconds < -62167219200.0 - 86400 || seconds > 253402300800.0 + 86400)
            abort();
    }
    free(text);
    return 0;
}
