/*
 * Details as JSON, see details.h. Written by hand: a job has one of them, and a tree of values would be its largest
 * cost after the request.
 */
#include "details.h"

#include <stdlib.h>
#include <string.h>
#include "transfer.h"

/* Bytes of JSON: what has a bound needs less than 512; the rest is for the URL and the type of content, of which
 * each byte may need 6. */
#define DETAILS_BYTES 4096
/* Bytes of the two that are told; longer ones are cut. */
#define URL_BYTES 2048
#define TYPE_BYTES 200

struct text {
    char *data;
    size_t size; /* bytes; there is always room for what is put, see escaped_size() */
};

static void put(struct text *text, const char *piece)
{
    size_t size = strlen(piece);
    memcpy(text->data + text->size, piece, size);
    text->size += size;
}

/* At least so many digits. */
static void put_number(struct text *text, uint64_t number, int digits)
{
    char reversed[20];
    int size = 0;
    for (; number > 0 || size < digits; number /= 10)
        reversed[size++] = (char)('0' + number % 10);
    while (size > 0)
        text->data[text->size++] = reversed[--size];
}

/* A JSON string. Servers may send any byte: those that are not ASCII or cannot stand in a string become
 * escapes, as of a character with that number. */
static void put_string(struct text *text, const char *string, size_t max)
{
    static const char digits[] = "0123456789abcdef";
    char *at = text->data + text->size;
    *at++ = '"';
    for (size_t i = 0; i < max && string[i]; i++) {
        unsigned char byte = (unsigned char)string[i];
        if (byte == '"' || byte == '\\') {
            *at++ = '\\';
            *at++ = (char)byte;
        } else if (byte < 0x20 || byte >= 0x7f) {
            memcpy(at, "\\u00", 4);
            at[4] = digits[byte >> 4];
            at[5] = digits[byte & 15];
            at += 6;
        } else {
            *at++ = (char)byte;
        }
    }
    *at++ = '"';
    text->size = (size_t)(at - text->data);
}

/* Bytes that put_string() needs at most. */
static size_t escaped_size(const char *string, size_t max)
{
    return 6 * strnlen(string, max) + 2;
}

static const char *version_name(long version)
{
    switch (version) {
    case CURL_HTTP_VERSION_1_0:
        return "1.0";
    case CURL_HTTP_VERSION_1_1:
        return "1.1";
    case CURL_HTTP_VERSION_2_0:
        return "2";
    case CURL_HTTP_VERSION_3:
        return "3";
    default:
        return "?";
    }
}

/* When each step was done, in seconds since the beginning; 0: there was no such step, as on a kept
 * connection. */
static void put_timings(struct text *text, CURL *easy)
{
    static const struct {
        const char *name;
        CURLINFO info;
    } steps[] = {
        {"dns", CURLINFO_NAMELOOKUP_TIME_T}, {"connect", CURLINFO_CONNECT_TIME_T},
        {"tls", CURLINFO_APPCONNECT_TIME_T}, {"first_byte", CURLINFO_STARTTRANSFER_TIME_T},
        {"total", CURLINFO_TOTAL_TIME_T},
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        curl_off_t us = 0;
        (void)curl_easy_getinfo(easy, steps[i].info, &us); /* stays 0 */
        put(text, i ? ",\"" : "{\"");
        put(text, steps[i].name);
        put(text, "\":");
        put_number(text, (uint64_t)us / 1000000, 1);
        put(text, ".");
        put_number(text, (uint64_t)us % 1000000, 6);
    }
    put(text, "}");
}

void details_tell(struct transfer *transfer)
{
    const struct transfer_job *now = &transfer->now;
    if (now->status == 0)
        return;
    CURL *easy = transfer->easy;
    const char *url = NULL, *type = NULL;
    long version = 0, redirects = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url); /* all stay as they are */
    if (now->has_type) /* libcurl keeps that of an earlier response otherwise */
        (void)curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    (void)curl_easy_getinfo(easy, CURLINFO_REDIRECT_COUNT, &redirects);
    url = url ? url : "";

    char fixed[DETAILS_BYTES], *allocated = NULL;
    size_t need = 512 + escaped_size(url, URL_BYTES) + escaped_size(type ? type : "", TYPE_BYTES);
    if (need > sizeof(fixed) && !(allocated = malloc(need))) {
        aw_log(now->job, AW_LOG_WARNING, "no details: out of memory");
        return;
    }
    struct text text = {.data = allocated ? allocated : fixed};
    put(&text, "{\"status\":");
    put_number(&text, (uint64_t)now->status, 1);
    put(&text, ",\"http_version\":\"");
    put(&text, version_name(version));
    put(&text, "\",\"url\":");
    put_string(&text, url, URL_BYTES);
    put(&text, ",\"redirects\":");
    put_number(&text, (uint64_t)redirects, 1);
    put(&text, ",\"size\":");
    put_number(&text, now->size, 1);
    if (type) {
        put(&text, ",\"content_type\":");
        put_string(&text, type, TYPE_BYTES);
    }
    if (now->cut)
        put(&text, ",\"cut\":true");
    put(&text, ",\"timings\":");
    put_timings(&text, easy);
    put(&text, "}");
    text.data[text.size] = '\0';
    (void)aw_details(now->job, text.data); /* an object, and small */
    free(allocated);
}
