/*
 * What the terminal can do, where there is one.
 */
#ifndef AWAITCTL_TERMINAL_H
#define AWAITCTL_TERMINAL_H

#include <stdbool.h>

/* Whether the descriptor is a terminal on which a line can be drawn again. */
bool terminal_can_redraw(int fd);

/* Whether it takes colours, and nobody minds: https://no-color.org. */
bool terminal_has_color(int fd);

/* How wide it is; 0: no terminal. */
unsigned terminal_columns(int fd);

#endif
