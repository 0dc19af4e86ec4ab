/*
 * Any text as an amount of bytes: what is refused leaves the output alone, and what is taken comes
 * back from parse_show_size() exactly. Integers go the same way.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
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

    char shown[64];
    uint64_t bytes = 77, bytes_back = 0;
    int result = parse_size(text, &bytes);
    if (result != 0 && bytes != 77)
        abort();
    parse_show_size(bytes, shown, sizeof(shown));
    if (parse_size(shown, &bytes_back) != 0 || bytes_back != bytes)
        abort();

    int64_t integer = 77, integer_back = 0;
    int integer_result = parse_integer(text, &integer);
    if (integer_result != 0 && integer != 77)
        abort();
    (void)snprintf(shown, sizeof(shown), "%" PRId64, integer);
    if (parse_integer(shown, &integer_back) != 0 || integer_back != integer)
        abort();
    /* Every integer that is not negative is a size. */
    if (integer_result == 0 && text[0] != '-' && (result != 0 || bytes != (uint64_t)integer))
        abort();
    free(text);
    return 0;
}
