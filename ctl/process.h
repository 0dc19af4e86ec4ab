/*
 * A job that stands for a process, as those of the plugin exec do: its output is what the process wrote to
 * standard output, its details tell the rest (exit, signal_number, stderr).
 */
#ifndef AWAITCTL_PROCESS_H
#define AWAITCTL_PROCESS_H

#include <jansson.h>

struct ctl;

/* Writes what the process wrote, to standard output and standard error, byte for byte; says where something
 * was cut. CTL_NO_DAEMON: broken base64, told in *ctl. */
int process_print(struct ctl *ctl, const json_t *job);

/* The exit status of the process as a shell gives it: 0 to 255, 128 + N where signal N killed it. -1: the
 * details tell none, or tell of success where the job did not succeed. */
int process_status(const json_t *job);

#endif
