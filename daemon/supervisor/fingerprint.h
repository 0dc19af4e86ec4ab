/*
 * What was asked for, in few bytes: two requests have the same fingerprint if they ask for the same, and, as far as
 * anybody can find out (SHA-256), only then. The order of members, blanks, and how a span of the batch is
 * written make no difference.
 */
#ifndef AWAITD_SUPERVISOR_FINGERPRINT_H
#define AWAITD_SUPERVISOR_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/sha256.h"

struct submission;

/* What is known of the jobs when the batch is asked for. */
enum fingerprint_jobs {
    FINGERPRINT_NO_JOBS, /* it is opened, and nothing is told of what will come */
    FINGERPRINT_CONTENT, /* it is opened, and what will come is told by submission.content */
    FINGERPRINT_WHOLE,   /* they come with it */
};

struct fingerprint {
    uint8_t terms[SHA256_SIZE]; /* what is said of the batch, its name included */
    enum fingerprint_jobs known;
    uint8_t jobs[SHA256_SIZE]; /* of the jobs or the content, or zero */
};

/* `jobs` is the text of a JSON array, or empty for a batch that is opened. -EINVAL: it is none; -ENOMEM. */
int fingerprint_submission(const struct submission *submission, struct bytes_view jobs,
                           struct fingerprint *out);
/* Of a batch that tries again what did not succeed in another. */
void fingerprint_retry(uint64_t batch, struct fingerprint *out);

/* Whether what is asked for is what was made then. Of a batch that is opened without content, only the terms can be
 * compared, with one that was opened, too; in pieces and whole are never the same. */
bool fingerprint_is_same(const struct fingerprint *asked, const struct fingerprint *then);

#endif
