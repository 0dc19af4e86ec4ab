/*
 * Makes the directory of a private daemon.
 */
#include "private_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "ctl.h"

/* Connections that wait to be accepted: ours. */
#define BACKLOG 4

static int fail(struct ctl *ctl, const char *what)
{
    return ctl_fail(ctl, CTL_NO_DAEMON, "cannot make %s for a private daemon: %s", what,
                    strerror(errno));
}

/* "DIRECTORY/NAME"; NULL: out of memory. */
static char *path_in(const struct private_files *files, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", files->directory, name) < 0 ? NULL : path;
}

static int make_directory(struct ctl *ctl, struct private_files *files)
{
    const char *given = getenv("TMPDIR");
    if (!given || !*given)
        given = "/tmp";
    /* The configuration takes no relative paths. */
    AUTO_FREE char *place = realpath(given, NULL);
    if (!place)
        return fail(ctl, given);
    if (asprintf(&files->directory, "%s/awaitctl-XXXXXX", place) < 0) {
        files->directory = NULL;
        return ctl_fail_memory(ctl);
    }
    if (!mkdtemp(files->directory)) {
        int code = fail(ctl, files->directory);
        free(take_ptr(&files->directory)); /* nothing of that name is ours */
        return code;
    }
    return CTL_OK;
}

/* A text in libconfig's notation. */
static void put_string(FILE *file, const char *text)
{
    (void)fputc('"', file); /* the writer looks at ferror */
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            (void)fprintf(file, "\\%c", c);
        else if (c < ' ')
            (void)fprintf(file, "\\x%02x", c);
        else
            (void)fputc(c, file);
    }
    (void)fputc('"', file);
}

/* It has one worker, tells all it knows, holds nothing back, keeps nothing, and waits for no job when it is stopped. No plugin
 * but ours is there: none is in its directory. */
static void put_config(FILE *file, const struct private_files *files, const char *plugin,
                       const char *settings)
{
    (void)fputs("daemon = {\n    workers = 1;\n    grace = 0;\n    socket = ", file);
    put_string(file, files->socket);
    (void)fputs(";\n    plugin_dir = ", file);
    put_string(file, files->directory);
    (void)fputs(";\n};\nstore = { enabled = false; };\nlog = { level = \"debug\"; rate = 0; "
                "};\nplugins = ({\n    file = ",
                file);
    put_string(file, plugin);
    if (settings)
        (void)fprintf(file, ";\n    settings = {\n%s\n    }", settings);
    (void)fputs(";\n});\n", file);
}

static int write_config(struct ctl *ctl, struct private_files *files, const char *plugin,
                        const char *settings)
{
    FILE *file = fopen(files->config, "wxe");
    if (!file)
        return fail(ctl, files->config);
    put_config(file, files, plugin, settings);
    bool failed = ferror(file);
    if (fclose(file) != 0 || failed)
        return fail(ctl, files->config);
    return CTL_OK;
}

static int listen_at(struct ctl *ctl, const char *path, int *out)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size >= sizeof(address.sun_path))
        return ctl_fail(ctl, CTL_NO_DAEMON,
                        "the directory for temporary files, $TMPDIR, has too long a name for a "
                        "socket in it");
    memcpy(address.sun_path, path, size + 1);
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, BACKLOG) != 0)
        return fail(ctl, path);
    *out = take_fd(&fd);
    return CTL_OK;
}

int private_files_make(struct ctl *ctl, const char *plugin, const char *settings,
                       struct private_files *out)
{
    struct private_files files = {.listen_fd = -1};
    int code = make_directory(ctl, &files);
    if (code)
        return code;
    files.config = path_in(&files, "awaitd.conf");
    files.socket = path_in(&files, "socket");
    if (!files.config || !files.socket)
        code = ctl_fail_memory(ctl);
    if (code == CTL_OK)
        code = write_config(ctl, &files, plugin, settings);
    if (code == CTL_OK)
        code = listen_at(ctl, files.socket, &files.listen_fd);
    if (code)
        private_files_clear(&files);
    else
        *out = files;
    return code;
}

void private_files_remove(struct private_files *files)
{
    if (files->config)
        (void)unlink(files->config); /* what cannot be removed stays; there is nobody to tell */
    if (files->socket)
        (void)unlink(files->socket);
    if (files->directory)
        (void)rmdir(files->directory);
    free(take_ptr(&files->directory));
}

void private_files_clear(struct private_files *files)
{
    private_files_remove(files);
    cleanup_close(&files->listen_fd);
    files->listen_fd = -1;
    free(take_ptr(&files->config));
    free(take_ptr(&files->socket));
}
