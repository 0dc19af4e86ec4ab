/*
 * Text for people's eyes. Relies on its input being UTF-8, as everything in the protocol is.
 */
#include "text.h"

#include <math.h>
#include <stdbool.h>
#include "base/parse.h"

/* Whether a byte is a control character, or begins one of U+0080 to U+009F, which some terminals obey
 * like escape sequences. */
static bool is_control(const unsigned char *at, size_t size)
{
    return at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && size > 1 && at[1] < 0xa0);
}

void text_put(FILE *file, const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text;
    for (size_t i = 0; i < size; i++) {
        if (!is_control(at + i, size - i))
            (void)fputc(at[i], file); /* the stream remembers errors; main looks at the end */
        else if (at[i] == '\n')
            (void)fputs("\\n", file);
        else if (at[i] == '\t')
            (void)fputs("\\t", file);
        else if (at[i] == 0xc2)
            (void)fprintf(file, "\\x%02x", at[++i]);
        else
            (void)fprintf(file, "\\x%02x", at[i]);
    }
}

/* From here on hundredths of a second say nothing and minutes read better. */
#define LONG_S 1000.0

const char *text_seconds(double seconds, char *buffer, size_t size)
{
    if (!(seconds > 0))
        seconds = 0;
    if (seconds >= LONG_S)
        return parse_show_span(nearbyint(seconds), buffer, size);
    if (seconds >= 0.1 || seconds == 0)
        (void)snprintf(buffer, size, "%.2f s", seconds); /* fits: bounded by LONG_S */
    else if (seconds >= 0.001)
        (void)snprintf(buffer, size, "%.1f ms", seconds * 1e3);
    else
        (void)snprintf(buffer, size, "%.0f us", seconds * 1e6);
    return buffer;
}

const char *text_size(uint64_t bytes, char *buffer, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) { /* "1024.0" else */
        value /= 1024;
        unit++;
    }
    (void)snprintf(buffer, size, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return buffer;
}

const char *text_count(uint64_t count, const char *singular, const char *plural, char *buffer,
                       size_t size)
{
    (void)snprintf(buffer, size, "%ju %s", (uintmax_t)count, count == 1 ? singular : plural);
    return buffer;
}

size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}
