/*
 * Who can write a file that root relies on. Any thread.
 */
#ifndef AWAITD_BASE_TRUST_H
#define AWAITD_BASE_TRUST_H

struct error;

/*
 * Whether only root can write this file, the directory it is in and those above, links followed; above, a
 * directory such as /tmp is fine, whose sticky bit keeps what is root's there. -EINVAL: the story is
 * "/x/y.so can be written by everybody". A file that does not exist is nobody's danger. The path is absolute.
 */
int trust_check(const char *path, struct error *error);

#endif
