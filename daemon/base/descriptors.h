/*
 * The standard descriptors of a process.
 */
#ifndef AWAITD_BASE_DESCRIPTORS_H
#define AWAITD_BASE_DESCRIPTORS_H

/*
 * Opens what is closed of standard input, output and error, as /dev/null, lest a socket or a log gets a
 * number that others write to. The first thing that main does: it relies on nobody else opening anything.
 * A negative errno: one is closed, and /dev/null cannot be opened.
 */
int descriptors_open_standard(void);

#endif
