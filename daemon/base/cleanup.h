/*
 * Cleanup by scope: AUTO_FREE char *text = strdup(...); the variable is released where it goes out of
 * scope, unless it was handed on: return take_ptr(&text).
 */
#ifndef AWAITD_BASE_CLEANUP_H
#define AWAITD_BASE_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

/* Closes *fd unless it is negative; keeps errno. */
static inline void cleanup_close(int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        (void)close(*fd); /* nothing can be done about it, and Linux always frees the number */
    errno = saved;
}

static inline void cleanup_fclose(FILE **file)
{
    if (*file)
        (void)fclose(*file); /* for files that were read */
}

#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
#define AUTO_CLOSE __attribute__((cleanup(cleanup_close)))
#define AUTO_FCLOSE __attribute__((cleanup(cleanup_fclose)))

/* Hands a descriptor on: returns it and leaves -1 behind. */
static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Hands a pointer on: returns it and leaves NULL behind. */
#define take_ptr(pointer) \
    ({ \
        __typeof__(*(pointer)) taken_ = *(pointer); \
        *(pointer) = NULL; \
        taken_; \
    })

#endif
