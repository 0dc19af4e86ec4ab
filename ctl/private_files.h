/*
 * The files of a private daemon, in a directory of their own that nobody else can enter: its configuration
 * and its socket, which listens already. The daemon reads the one and inherits the other, so the files are
 * needed until somebody is connected, and no longer.
 */
#ifndef AWAITCTL_PRIVATE_FILES_H
#define AWAITCTL_PRIVATE_FILES_H

struct ctl;

struct private_files {
    char *directory, *config, *socket; /* paths; owned; NULL: there is none */
    int listen_fd;
};

/* Makes them, for a daemon that has one plugin, whose settings are libconfig text (NULL: none). On failure *ctl
 * tells, and nothing stays. */
int private_files_make(struct ctl *ctl, const char *plugin, const char *settings,
                       struct private_files *out);

/* Removes what there is; twice is fine. */
void private_files_remove(struct private_files *files);
/* Removes them and frees the rest. */
void private_files_clear(struct private_files *files);

#endif
