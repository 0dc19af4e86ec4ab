/*
 * Terms as text that reads as the very same terms: what the store keeps of them. What people are shown, terms_show()
 * writes, which rounds.
 */
#ifndef AWAITD_SUPERVISOR_TERMS_TEXT_H
#define AWAITD_SUPERVISOR_TERMS_TEXT_H

#include <stdint.h>
#include "base/bytes.h"
#include "supervisor/terms.h"

struct error;

/* Appends the terms of a batch as a JSON object, as batch.submit takes them; what has come of its rate is left out.
 * Without memory `out` has failed. */
void terms_text_write(struct bytes *out, const struct batch_terms *terms);

/* Reads such an object. -EBADMSG: it is none, *error says why; -ENOMEM. */
int terms_text_read(const char *text, struct batch_terms *out, struct error *error);

/* Append a span in seconds, and a retry as an object. */
void terms_text_span(struct bytes *out, uint64_t span_ns);
void terms_text_retry(struct bytes *out, const struct retry *retry);

#endif
