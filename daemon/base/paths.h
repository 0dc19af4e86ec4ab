/*
 * Where things are when nobody says otherwise.
 */
#ifndef AWAITD_BASE_PATHS_H
#define AWAITD_BASE_PATHS_H

/* The control socket: $AWAITD_SOCKET, else $XDG_RUNTIME_DIR/awaitd.sock where that directory exists,
 * else /run/awaitd.sock. For the caller to free; NULL: out of memory. */
char *paths_default_socket(void);

#endif
