/*
 * A plugin's settings as they are given on the command line: libconfig text, as it would stand in the plugin's
 * settings group of awaitd.conf, or a file of it.
 */
#ifndef AWAITCTL_SETTINGS_TEXT_H
#define AWAITCTL_SETTINGS_TEXT_H

struct ctl;

/* Reads "base = 41; name = \"x\"", or the file of @FILE; *out is such text, for the caller to free. CTL_USAGE: it is
 * not libconfig's notation; *ctl tells the line. */
int settings_text_read(struct ctl *ctl, const char *given, char **out);

#endif
