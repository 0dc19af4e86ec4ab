/*
 * Where things are when nobody says otherwise.
 */
#ifndef AWAITD_BASE_PATHS_H
#define AWAITD_BASE_PATHS_H

/* Where to make the control socket: $AWAITD_SOCKET, else $XDG_RUNTIME_DIR/awaitd.sock where that directory
 * exists, else /run/awaitd.sock. For the caller to free; NULL: out of memory. */
char *paths_default_socket(void);

/* Where to look for it: the same, but $XDG_RUNTIME_DIR/awaitd.sock only where that file exists. Who has
 * such a directory, as everybody logged in has, still finds the system's daemon. */
char *paths_find_socket(void);

#endif
