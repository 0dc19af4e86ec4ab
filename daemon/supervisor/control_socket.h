/*
 * Makes the control socket at its path, for one daemon alone. Where systemd passes a socket, none of this is
 * needed.
 */
#ifndef AWAITD_SUPERVISOR_CONTROL_SOCKET_H
#define AWAITD_SUPERVISOR_CONTROL_SOCKET_H

struct config;
struct error;

/*
 * Opens the control socket of the configuration: mode 0660, with its group. A stale socket is taken
 * over; one that answers, or a file that is no socket, is refused in words. *lock holds the file PATH.lock
 * locked, so that no other daemon takes the path: to be held as long as this one runs, then given to
 * control_socket_unlock(). 0 and both descriptors, or a negative errno.
 */
int control_socket_open(const struct config *config, int *fd, int *lock, struct error *error);
/* Removes the lock's file and lets go of it. */
void control_socket_unlock(const struct config *config, int lock);

#endif
