/*
 * A daemon of one's own, with one worker and one plugin, for as long as a command needs it: awaitctl starts it,
 * and it ends with awaitctl, however that ends. What the plugin logs, or writes on standard error, is passed on to
 * standard error.
 */
#ifndef AWAITCTL_PRIVATE_DAEMON_H
#define AWAITCTL_PRIVATE_DAEMON_H

#include <jansson.h>

struct ctl;
struct connection;
struct private_daemon;

/* Starts one for the plugin's file and waits until it answers, which it does when the plugin was loaded or could
 * not be. `settings`: the plugin's, as in awaitd.conf, or @FILE with such text; NULL: none. On failure *ctl
 * tells, and what the daemon wrote is printed on standard error. `ctl` must outlive it. From then on ^C ends waits. */
int private_daemon_start(struct ctl *ctl, const char *file, const char *settings,
                         struct private_daemon **out);

/* Open as long as the daemon is not stopped. */
struct connection *private_daemon_connection(const struct private_daemon *daemon);

/* The plugin as plugin.show explains it; new reference. */
int private_daemon_plugin(struct private_daemon *daemon, json_t **out);

/* Ends it and waits for its end; another ^C ends it at once. NULL is fine. */
void private_daemon_stop(struct private_daemon *daemon);

#endif
