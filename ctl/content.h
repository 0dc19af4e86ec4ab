/*
 * What the entries of a batch are, in few bytes: entries that say the same, whatever the order of their members and
 * the blanks between them, have the same content, and, as far as anybody can find out (SHA-256), no others. The
 * daemon compares it where a key is used again for a batch that comes in pieces.
 */
#ifndef AWAITCTL_CONTENT_H
#define AWAITCTL_CONTENT_H

#include <jansson.h>
#include "base/sha256.h"

struct lines;

/* Bytes of the text, with its NUL. */
#define CONTENT_SIZE (2 * SHA256_SIZE + 1)

void content_begin(struct sha256 *content);
/* The next entry, or part of one. -ENOMEM: *content is of no use any more. */
int content_add(struct sha256 *content, const json_t *entry);
/* The entries of JSON lines, all that are left; the line {"batch": {...}} is none. What is wrong in one is not told here.
 * -E2BIG: line lines->number + 1 is too long; -EINTR: a signal came; -ENOMEM, and what reading said. */
int content_add_lines(struct sha256 *content, struct lines *lines);
void content_end(struct sha256 *content, char text[CONTENT_SIZE]);

#endif
