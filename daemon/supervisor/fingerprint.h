/*
 * What was asked for, in few bytes: two requests have the same fingerprint if they ask for the same, and, as far as
 * anybody can find out (SHA-256), only then. The order of members, blanks, and how a span of the batch is
 * written make no difference.
 */
#ifndef AWAITD_SUPERVISOR_FINGERPRINT_H
#define AWAITD_SUPERVISOR_FINGERPRINT_H

#include <stdint.h>
#include "base/bytes.h"
#include "base/sha256.h"

struct submission;

struct fingerprint {
    uint8_t terms[SHA256_SIZE]; /* what is said of the batch, its name included */
    uint8_t jobs[SHA256_SIZE];  /* zero: it was opened, and its jobs came in pieces */
};

/* `jobs` is the text of a JSON array, or empty for a batch that is opened. -EINVAL: it is none; -ENOMEM. */
int fingerprint_submission(const struct submission *submission, struct bytes_view jobs,
                           struct fingerprint *out);
/* Of a batch that tries again what did not succeed in another. */
void fingerprint_retry(uint64_t batch, struct fingerprint *out);

#endif
