/*
 * How jobs ended, as text: what the store keeps of completions, and an administrator reads with SQL. Each is a JSON
 * array of the job, the nanoseconds it was queued and ran, and, unless it simply succeeded, an object with what else
 * there is to tell:
 *
 *     [7,100234,1000060120]
 *     [8,100234,52110,{"state":"failed","reason":"no such file","attempt":2,"output":"a\n","details":{"exit":1}}]
 *
 * state ("succeeded"), reason (none), attempt (0), output (none), truncated (false) and details (none) are left out
 * where they have the value in brackets; instead of output that is not UTF-8 there is output_base64, and likewise
 * for a reason. Completions that follow one another stand in one array of these.
 */
#ifndef AWAITD_SUPERVISOR_RESULT_TEXT_H
#define AWAITD_SUPERVISOR_RESULT_TEXT_H

#include <stdint.h>
#include "base/bytes.h"

struct completion;

/* Appends one completion, with a comma before it unless `out` is empty; the caller puts [ and ] around them all. Without
 * memory `out` has failed. */
void result_text_write(struct bytes *out, const struct completion *completion, unsigned attempt);

/* Calls on_result() for each completion in the text of an array of them, in order; its views are valid during the
 * call. Reads what result_text_write() writes, without blanks. A negative errno it returns ends the reading and is returned. -EBADMSG: the text is not what it should be;
 * -ENOMEM. */
int result_text_read(struct bytes_view text,
                     int (*on_result)(void *context, const struct completion *completion,
                                      unsigned attempt),
                     void *context);

#endif
