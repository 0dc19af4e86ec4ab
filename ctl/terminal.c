/*
 * What the terminal can do. Asks the environment and the kernel, never the terminal itself.
 */
#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool terminal_can_redraw(int fd)
{
    const char *term = getenv("TERM");
    return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool terminal_has_color(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    return terminal_can_redraw(fd) && !(no_color && *no_color);
}

unsigned terminal_columns(int fd)
{
    struct winsize window;
    if (!isatty(fd))
        return 0;
    if (ioctl(fd, TIOCGWINSZ, &window) < 0 || window.ws_col == 0)
        return 80; /* a serial line that does not tell: the width of old */
    return window.ws_col;
}
