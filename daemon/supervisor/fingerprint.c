/*
 * Digests of JSON with its members sorted.
 */
#include "supervisor/fingerprint.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "supervisor/submission.h"
#include "wire/slice.h"

static int add_text(const char *text, size_t size, void *context)
{
    sha256_add(context, text, size);
    return 0;
}

/* An end behind each value: two cannot be taken for one. */
static int add_json(struct sha256 *sha256, const json_t *json)
{
    int error =
        json_dump_callback(json, add_text, sha256, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    sha256_add(sha256, "\n", 1);
    return error ? -ENOMEM : 0;
}

static int add_terms(struct sha256 *sha256, const struct submission *submission)
{
    json_t *said =
        json_pack("{s:s?, s:b}", "name", submission->name, "durable", submission->durable);
    int error = !said || terms_show(&submission->terms, said) != 0 ? -ENOMEM : 0;
    if (!error)
        error = add_json(sha256, said);
    json_decref(said);
    return error;
}

static int add_jobs(struct sha256 *sha256, struct bytes_view jobs)
{
    struct slice_elements elements;
    struct bytes_view text;
    int next = slice_elements_begin(&elements, jobs) ? 1 : -EINVAL, error = 0;
    while (next > 0 && !error && (next = slice_elements_next(&elements, &text)) > 0) {
        json_t *entry = json_loadb((const char *)text.data, text.size,
                                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        error = entry ? add_json(sha256, entry) : -EINVAL;
        json_decref(entry);
    }
    return next < 0 ? -EINVAL : error;
}

int fingerprint_submission(const struct submission *submission, struct bytes_view jobs,
                           struct fingerprint *out)
{
    struct fingerprint made = {0};
    struct sha256 sha256;
    sha256_begin(&sha256);
    int error = add_terms(&sha256, submission);
    sha256_end(&sha256, made.terms);
    sha256_begin(&sha256);
    if (!error && jobs.size) {
        made.known = FINGERPRINT_WHOLE;
        error = add_jobs(&sha256, jobs);
    } else if (submission->content) {
        made.known = FINGERPRINT_CONTENT;
        sha256_add(&sha256, submission->content, strlen(submission->content));
    }
    if (made.known != FINGERPRINT_NO_JOBS)
        sha256_end(&sha256, made.jobs);
    if (!error)
        *out = made;
    return error;
}

void fingerprint_retry(uint64_t batch, struct fingerprint *out)
{
    char text[64];
    struct sha256 sha256;
    *out = (struct fingerprint){.known = FINGERPRINT_WHOLE};
    sha256_begin(&sha256);
    sha256_add(&sha256, text,
               (size_t)snprintf(text, sizeof(text), "retry %llu\n", (unsigned long long)batch));
    sha256_end(&sha256, out->terms);
}

bool fingerprint_is_same(const struct fingerprint *asked, const struct fingerprint *then)
{
    if (memcmp(asked->terms, then->terms, sizeof(asked->terms)) != 0)
        return false;
    if (asked->known == FINGERPRINT_NO_JOBS)
        return then->known != FINGERPRINT_WHOLE;
    return asked->known == then->known && memcmp(asked->jobs, then->jobs, sizeof(asked->jobs)) == 0;
}
