/*
 * Any bytes are details or refused in words. The scan is sure of nothing that the parser refuses; what is
 * kept says the same as what was told, has no blanks, and is taken by the other end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "wire/details.h"
#include "wire/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *parse(const void *text, size_t size)
{
    return json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes kept = {0};
    enum json_scan scan = json_scan(data, size);
    const char *problem = details_read(&kept, (const char *)data, size);
    bool valid = details_are_valid((struct bytes_view){data, size});
    if (problem) {
        if (!*problem || kept.size > 0 || scan != JSON_SCAN_UNSURE || valid)
            abort();
        bytes_free(&kept);
        return 0;
    }
    json_t *told = parse(data, size), *read = parse(kept.data, kept.size);
    if (!told || !json_is_object(told) || !json_equal(told, read))
        abort();
    if (!details_are_valid((struct bytes_view){kept.data, kept.size}))
        abort();
    if (valid != (kept.size == size) ||
        (scan != JSON_SCAN_UNSURE && (scan == JSON_SCAN_COMPACT) != valid))
        abort();
    json_decref(told);
    json_decref(read);
    bytes_free(&kept);
    return 0;
}
