/*
 * Ends of what the sides of the store hand to each other. Any thread that owns it.
 */
#include "supervisor/store_parts.h"

#include <stdlib.h>
#include <string.h>
#include "supervisor/store_copy.h"

void store_record_free(struct store_record *record)
{
    if (record->kind == STORE_RESULTS)
        bytes_free(&record->results.text);
    free(record);
}

void store_records_free(struct store_records *records)
{
    struct store_record *record;
    while ((record = STAILQ_FIRST(records))) {
        STAILQ_REMOVE_HEAD(records, link);
        store_record_free(record);
    }
}

void store_parcel_free(struct store_parcel *parcel)
{
    if (!parcel)
        return;
    store_records_free(&parcel->records);
    free(parcel);
}

void store_request_free(struct store_request *request)
{
    if (!request)
        return;
    if (request->kind == STORE_LIST)
        json_decref(request->list.page.summaries);
    if (request->kind == STORE_COPY)
        store_copy_end(request->copy.copy);
    free(request);
}

void store_parts_clear(struct store_parts *parts)
{
    struct store_part *part;
    while ((part = STAILQ_FIRST(&parts->list))) {
        STAILQ_REMOVE_HEAD(&parts->list, link);
        free(part);
    }
}

void store_parts_free(struct store_parts *parts)
{
    if (!parts)
        return;
    store_parts_clear(parts);
    free(parts);
}

size_t store_text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

const char *store_text_put(char **at, const char *text)
{
    size_t size = store_text_size(text);
    if (!size)
        return NULL;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}
