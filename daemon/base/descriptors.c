/*
 * The standard descriptors of a process. Leaves those that are open as they are.
 */
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int descriptors_open_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        if (open("/dev/null", O_RDWR) < 0) /* gets the lowest free number, which is fd */
            return -errno;
    }
    return 0;
}
