/*
 * What `awaitd -t` does beyond reading the file: loads the plugins, in a throwaway worker, and holds
 * the configured batches against them.
 */
#ifndef AWAITD_SUPERVISOR_PLUGIN_CHECK_H
#define AWAITD_SUPERVISOR_PLUGIN_CHECK_H

struct config;
struct error;
struct problems;

/* Adds what it finds to `problems`. 0, or a negative errno with *error: it could not be checked. */
int plugin_check(struct config *config, struct problems *problems, struct error *error);

#endif
