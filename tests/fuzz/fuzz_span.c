/*
 * Any text as a time span: what is refused leaves the output alone, and what is taken comes back from
 * parse_show_span() the same to six digits.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';

    double seconds = -77, number = -77;
    int result = parse_span(text, &seconds);
    if (result != 0) {
        if (seconds != -77)
            abort();
    } else {
        if (!isfinite(seconds))
            abort();
        char shown[64];
        double back;
        parse_show_span(seconds, shown, sizeof(shown));
        /* Shown with six digits, the very largest numbers may round up past all doubles. */
        int again = parse_span(shown, &back);
        if (again != 0 && fabs(seconds) < 1e308)
            abort();
        /* Numbers this small have less than six digits themselves. */
        if (again == 0 && fabs(seconds) > 1e-300 &&
            fabs(back - seconds) > 5.0001e-6 * fabs(seconds))
            abort();
    }
    /* Every number is a span of as many seconds. */
    if (parse_number(text, &number) == 0 && (result != 0 || number != seconds))
        abort();
    free(text);
    return 0;
}
