/*
 * A bounded mailbox between threads: any thread posts, one thread takes. It never blocks the
 * poster; what does not fit is refused and counted.
 */
#ifndef AWAITD_BASE_MAILBOX_H
#define AWAITD_BASE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mailbox;

/* First member of whatever is posted. */
struct mail {
    struct mail *next;
};

/* A mailbox that holds at most `capacity` letters. NULL: out of memory. */
struct mailbox *mailbox_new(size_t capacity);

/* Frees the mailbox; it must be empty and no thread may use it any more. NULL is fine. */
void mailbox_free(struct mailbox *box);

/* Puts a letter at the end; the mailbox owns it until it is taken. false: full or closed, and the poster
 * keeps it. Any thread. */
bool mailbox_post(struct mailbox *box, struct mail *mail);

/* Waits for letters and takes all there are, oldest first, linked by `next`. NULL: closed and empty. The
 * taking thread only. */
struct mail *mailbox_take(struct mailbox *box);

/* Takes all letters there are without waiting; NULL: none. The taking thread only. */
struct mail *mailbox_try_take(struct mailbox *box);

/* As mailbox_take(), but NULL also when the monotonic clock reaches deadline_ns (UINT64_MAX: never) and
 * after mailbox_wake(). The taking thread only. */
struct mail *mailbox_take_until(struct mailbox *box, uint64_t deadline_ns);

/* Makes the mailbox_take_until() that waits, or else the next one, return at once. Any thread. */
void mailbox_wake(struct mailbox *box);

/* No more letters from now on; wakes the taker. Any thread. */
void mailbox_close(struct mailbox *box);

/* How many letters were refused since the last call. Any thread. */
uint64_t mailbox_take_refused(struct mailbox *box);

#endif
