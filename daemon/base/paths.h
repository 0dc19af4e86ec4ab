/*
 * Where things are when nobody says otherwise.
 */
#ifndef AWAITD_BASE_PATHS_H
#define AWAITD_BASE_PATHS_H

#include <stdbool.h>

/* Where to make the control socket: $AWAITD_SOCKET, else $XDG_RUNTIME_DIR/awaitd.sock where that directory
 * exists, else /run/awaitd.sock. For the caller to free; NULL: out of memory. */
char *paths_default_socket(void);

/* Where to look for it: the same, but $XDG_RUNTIME_DIR/awaitd.sock only where that file exists. Who has
 * such a directory, as everybody logged in has, still finds the system's daemon. */
char *paths_find_socket(void);

/* Where the daemon keeps its state: the first of $STATE_DIRECTORY, which systemd sets; else /var/lib/awaitd for root;
 * else awaitd in $XDG_STATE_HOME, else in ~/.local/state. *out is for the caller to free. *make_parents: directories
 * above it may be missing and are to be made, as in a home directory. -ENOENT: this user has no home; -ENOMEM. */
int paths_default_state(char **out, bool *make_parents);

#endif
