#include <check.h>
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "suite.h"
#include "base/error.h"
#include "base/problems.h"
#include "supervisor/config.h"
#include "supervisor/options.h"

static struct config *config;
static struct problems problems;
static struct error error;
static char folder[] = "/tmp/awaitd-test-XXXXXX";

static void set_up(void)
{
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(setenv("AWAITD_SOCKET", "/run/test.sock", 1), 0);
    ck_assert_int_eq(setenv("STATE_DIRECTORY", "/srv/state:/srv/more", 1), 0);
}

static void tear_down(void)
{
    char command[100];
    config_free(config);
    config = NULL;
    problems_clear(&problems);
    (void)snprintf(command, sizeof(command), "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static char *in_folder(const char *name)
{
    static char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(in_folder(name), 0644), 0);
}

/* Loads a file with this text. */
static int load(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int load(const char *format, ...)
{
    char text[8192];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    write_file("c.conf", text);
    config_free(config);
    config = NULL;
    problems_clear(&problems);
    error.text[0] = '\0';
    return config_load(in_folder("c.conf"), NULL, &config, &problems, &error);
}

static void assert_problem(size_t index, unsigned line, const char *text)
{
    char where[300];
    (void)snprintf(where, sizeof(where), "%s:%u", in_folder("c.conf"), line);
    ck_assert_uint_gt(problems.count, index);
    ck_assert_str_eq(problems.kept[index].field, where);
    ck_assert_str_eq(problems.kept[index].text, text);
}

/* The text is refused for one reason, at this line. */
#define ASSERT_REFUSED(line, expected, ...) \
    do { \
        ck_assert_int_eq(load(__VA_ARGS__), -EINVAL); \
        assert_problem(0, line, expected); \
        ck_assert_uint_eq(problems.count, 1); \
        ck_assert_ptr_null(config); \
    } while (0)

static void assert_json(const json_t *json, const char *expected)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(without_a_file_all_is_default)
{
    ck_assert_int_eq(config_load(NULL, NULL, &config, &problems, &error), 0);
    ck_assert_int_eq(config->limits.depth, 64);
    ck_assert_str_eq(config->daemon.socket, "/run/test.sock");
    ck_assert_uint_eq(config->batches_count, 0);
}
END_TEST

START_TEST(an_empty_file_or_only_a_comment_is_fine)
{
    ck_assert_int_eq(load("%s", ""), 0);
    ck_assert_int_eq(load("# nothing"), 0);
    ck_assert_int_eq(load("daemon: { };\n"), 0);
    ck_assert_int_eq(config->limits.depth, 64);
}
END_TEST

START_TEST(every_option_can_be_set)
{
    const struct option *option;
    for (size_t i = 0; (option = options_at(i)); i++) {
        const char *shown = option->fallback ? option->fallback : option->example;
        const char *quote = options_is_quoted(option) ? "\"" : "";
        if (strcmp(option->name, "plugin_dir") == 0)
            shown = folder;
        ck_assert_int_eq(
            load("%s = { %s = %s%s%s; }", option->group, option->name, quote, shown, quote), 0);
    }
}
END_TEST

START_TEST(options_reach_their_members)
{
    ck_assert_int_eq(load("daemon = { workers = 3; grace = 2.5; socket = \"/a/b\"; };\n"
                          "log: { level = \"debug\" rate = 0 }\n"
                          "limits { depth = 9; } "),
                     -EINVAL); /* a group needs its = or : */
    ck_assert_int_eq(load("daemon = { workers = 3; grace = 2.5; socket = \"/a/b\"; };\n"
                          "log: { level = \"debug\" rate = 0 }\n"
                          "limits = { depth = 9; history_bytes = 5000000000;\n"
                          "           line_bytes = \"8KiB\" } "),
                     0);
    ck_assert_int_eq(config->daemon.workers, 3);
    ck_assert_double_eq(config->daemon.grace_s, 2.5);
    ck_assert_str_eq(config->daemon.socket, "/a/b");
    ck_assert_int_eq(config->log.level, LOG_LEVEL_DEBUG);
    ck_assert_int_eq(config->log.rate, 0);
    ck_assert_int_eq(config->limits.depth, 9);
    ck_assert_int_eq(config->limits.history_bytes, INT64_C(5000000000));
    ck_assert_int_eq(config->limits.line_bytes, 8192);
}
END_TEST

START_TEST(the_command_line_comes_before_the_file_and_the_environment)
{
    struct config_overrides overrides = {.socket = "/over/ride"};
    write_file("c.conf", "daemon = { socket = \"/from/file\"; };");
    ck_assert_int_eq(config_load(in_folder("c.conf"), &overrides, &config, &problems, &error), 0);
    ck_assert_str_eq(config->daemon.socket, "/over/ride");
    config_free(config);
    ck_assert_int_eq(config_load(in_folder("c.conf"), NULL, &config, &problems, &error), 0);
    ck_assert_str_eq(config->daemon.socket, "/from/file");
}
END_TEST

START_TEST(a_relative_socket_of_the_command_line_is_made_absolute)
{
    struct config_overrides overrides = {.socket = "a.sock"};
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(config_load(NULL, &overrides, &config, &problems, &error), 0);
    ck_assert_str_eq(config->daemon.socket, in_folder("a.sock"));
    config_free(config);
    config = NULL;
    overrides.socket = "";
    ck_assert_int_eq(config_load(NULL, &overrides, &config, &problems, &error), -EINVAL);
    ck_assert_str_eq(problems.kept[0].field, "--socket");
    ck_assert_str_eq(problems.kept[0].text, "the control socket must not be empty");
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(the_state_directory_is_that_of_the_command_line_the_file_or_the_environment)
{
    struct config_overrides overrides = {.state_dir = "over"};
    write_file("c.conf", "daemon = {\n state_dir = \"/from/file\"; };");
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(config_load(in_folder("c.conf"), &overrides, &config, &problems, &error), 0);
    ck_assert_str_eq(config->daemon.state_dir, in_folder("over"));
    ck_assert_str_eq(config->state_dir_where, "--state-dir");
    ck_assert(!config->state_dir_parents);
    config_free(config);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(config_load(in_folder("c.conf"), NULL, &config, &problems, &error), 0);
    ck_assert_str_eq(config->daemon.state_dir, "/from/file");
    ck_assert_ptr_nonnull(strstr(config->state_dir_where, "/c.conf:2"));
    config_free(config);
    ck_assert_int_eq(config_load(NULL, NULL, &config, &problems, &error), 0);
    ck_assert_str_eq(config->daemon.state_dir, "/srv/state");
    ck_assert_ptr_null(config->state_dir_where);
}
END_TEST

START_TEST(a_state_directory_too_long_for_the_store_is_refused)
{
    char path[600];
    (void)snprintf(path, sizeof(path), "/%0480d", 0);
    struct config_overrides overrides = {.state_dir = path};
    ck_assert_int_eq(config_load(NULL, &overrides, &config, &problems, &error), -EINVAL);
    ck_assert_str_eq(problems.kept[0].field, "--state-dir");
    ck_assert_str_eq(problems.kept[0].text,
                     "the state directory must be at most 480 bytes long, not 481");
}
END_TEST

/* What `awaitd -t` finds about this state directory. */
static const char *check_state_dir(const char *path)
{
    char copy[200];
    (void)snprintf(copy, sizeof(copy), "%s", path); /* may be of in_folder() */
    struct config_overrides overrides = {.state_dir = copy};
    config_free(config);
    config = NULL;
    problems_clear(&problems);
    ck_assert_int_eq(config_load(in_folder("c.conf"), &overrides, &config, &problems, &error), 0);
    problems_clear(&problems);
    config_check_state_dir(config, &problems);
    return problems.count ? problems.kept[0].text : "nothing";
}

START_TEST(a_state_directory_that_cannot_be_used_is_told_and_not_made)
{
    write_file("c.conf", "");
    write_file("file", "");
    ck_assert_str_eq(check_state_dir(folder), "nothing");
    ck_assert_str_eq(check_state_dir(in_folder("new")), "nothing");
    ck_assert_int_ne(access(in_folder("new"), F_OK), 0);
    ck_assert_int_ne(access(in_folder("lock"), F_OK), 0);
    ck_assert_ptr_nonnull(strstr(check_state_dir(in_folder("new/deeper")),
                                 "/new: No such file or directory; choose another"));
    char words[300];
    (void)snprintf(words, sizeof(words), "the state directory %s: Not a directory; choose",
                   in_folder("file"));
    ck_assert_ptr_nonnull(strstr(check_state_dir(in_folder("file")), words));
    if (geteuid() == 0) {
        ck_assert_int_eq(chmod(folder, 0777), 0);
        ck_assert_ptr_nonnull(strstr(check_state_dir(folder), " can be written by everybody; "));
    } else {
        ck_assert_int_eq(chmod(folder, 0500), 0);
        ck_assert_ptr_nonnull(strstr(check_state_dir(folder), ": Permission denied; "));
        ck_assert_ptr_nonnull(strstr(check_state_dir(in_folder("new")), ": Permission denied; "));
    }
    ck_assert_int_eq(chmod(folder, 0700), 0);

    write_file("c.conf", "store = { enabled = false; };");
    ck_assert_str_eq(check_state_dir(in_folder("file")), "nothing");
}
END_TEST

START_TEST(what_is_unknown_is_told_with_its_line)
{
    ASSERT_REFUSED(2, "there is no group \"paint\"", "\npaint = { colour = 1; };");
    ASSERT_REFUSED(3, "there is no option log.colour; log has level, rate, burst",
                   "log = {\n rate = 1;\n colour = 1;\n};");
    ASSERT_REFUSED(1, "a plugin has no field \"colour\"",
                   "plugins = ({ file = \"x\"; colour = 1; });");
    ASSERT_REFUSED(2, "a batch has no field \"colour\"",
                   "batches = ({ when = \"at_start\"; jobs = ();\n colour = 1; });");
}
END_TEST

START_TEST(what_is_wrong_is_told_with_what_was_expected)
{
    ASSERT_REFUSED(2, "limits.depth must be from 8 to 1024, not 5", "limits = {\n depth = 5; };");
    ASSERT_REFUSED(1, "limits.depth must be from 8 to 1024, not 4294967304",
                   "limits = { depth = 4294967304; };"); /* 8 in its low 32 bits */
    ASSERT_REFUSED(1, "daemon.workers must be an integer without quotes",
                   "daemon = { workers = true; };");
    ASSERT_REFUSED(1, "daemon.socket must be text in quotes", "daemon = { socket = (\"x\"); };");
    ASSERT_REFUSED(1, "daemon must be a group: { ... }", "daemon = 3;");
    ASSERT_REFUSED(1, "plugins must be a list: ( ... )", "plugins = [\"x\"];");
    ASSERT_REFUSED(1, "a plugin must be a group: { ... }", "plugins = (\"x\");");
    ASSERT_REFUSED(1, "a plugin needs the field \"file\"", "plugins = ({ });");
    ASSERT_REFUSED(1, "a plugin: file must be the name of a file", "plugins = ({ file = \"\" });");
    ASSERT_REFUSED(1, "a plugin: unrestricted must be a list of texts: [ \"...\" ]",
                   "plugins = ({ file = \"x\"; unrestricted = \"x\"; });");
    ASSERT_REFUSED(1, "a plugin: limit must be a whole number",
                   "plugins = ({ file = \"x\"; limit = 1.5; });");
    ASSERT_REFUSED(2, "a plugin: limit must be from 0 to 1000000",
                   "plugins = ({ file = \"x\";\n limit = -1; });");
    ASSERT_REFUSED(1, "a plugin: limit must be from 0 to 1000000",
                   "plugins = ({ file = \"x\"; limit = 1000001; });");
    ASSERT_REFUSED(1, "a plugin: unrestricted must be a list of texts: [ \"...\" ]",
                   "plugins = ({ file = \"x\"; unrestricted = (\"x\", 1); });");
    ASSERT_REFUSED(1, "a plugin: unrestricted must be a list of texts: [ \"...\" ]",
                   "plugins = ({ file = \"x\"; unrestricted = [1]; });");
    ASSERT_REFUSED(2, "a plugin: settings must be a group: { ... }",
                   "plugins = ({ file = \"x\";\n settings = 1 });");
    ASSERT_REFUSED(1, "a batch needs the field \"when\"", "batches = ({ jobs = (); });");
    ASSERT_REFUSED(2, "a batch: when must be \"at_start\"",
                   "batches = ({ jobs = ();\n when = \"now\"; });");
    ASSERT_REFUSED(1, "a batch: jobs must be a list: ( ... )",
                   "batches = ({ when = \"at_start\"; jobs = { }; });");
    ASSERT_REFUSED(2, "a batch: limit must be at least 1",
                   "batches = ({ when = \"at_start\"; jobs = ();\n limit = 0; });");
    ASSERT_REFUSED(2, "a batch: retry.max must be at most 100",
                   "batches = ({ when = \"at_start\"; jobs = ();\n retry = {\n max = 101; }; });");
    ASSERT_REFUSED(1, "a batch: name must be a string",
                   "batches = ({ when = \"at_start\"; jobs = (); name = 1; });");
    ASSERT_REFUSED(2, "a plugin: timeout must be at least 0",
                   "plugins = ({ file = \"x\";\n timeout = -1; });");
    ASSERT_REFUSED(2, "a plugin: rate must be text in quotes",
                   "plugins = ({ file = \"x\";\n rate = 5; });");
    ASSERT_REFUSED(
        2,
        "a plugin: rate must be a rate such as \"100/s\", \"10/min\" or \"2/h burst 20\", "
        "not \"fast\"",
        "plugins = ({ file = \"x\";\n rate = \"fast\"; });");
    ASSERT_REFUSED(1, "daemon.group is not UTF-8", "daemon = { group = \"\xff\"; };");
}
END_TEST

START_TEST(all_problems_are_told_at_once)
{
    ck_assert_int_eq(load("daemon = { workers = -1; };\nlog = { level = \"loud\"; };\n"
                          "plugins = ({ file = 1; });\nbatches = ({ });\n"),
                     -EINVAL);
    ck_assert_uint_eq(problems.count, 5);
    assert_problem(0, 1, "daemon.workers must be from 0 to 1024, not -1");
    assert_problem(2, 3, "a plugin: file must be text in quotes");
    assert_problem(4, 4, "a batch needs the field \"jobs\"");
}
END_TEST

START_TEST(syntax_errors_have_a_line)
{
    ASSERT_REFUSED(2, "syntax error", "a = 1;\nb = ;\n");
    ASSERT_REFUSED(2, "duplicate setting name", "log = { rate = 1;\nrate = 2; };");
    ASSERT_REFUSED(1, "mismatched element type in array", "plugins = [1, \"x\"];");
    ASSERT_REFUSED(1, "syntax error", "daemon = {");
}
END_TEST

START_TEST(nesting_without_end_is_refused)
{
    static char brackets[6000];
    memset(brackets, '(', 100);
    memset(brackets + 100, ')', 100);
    ASSERT_REFUSED(1, "groups and lists are nested deeper than 64 levels",
                   "plugins = ({ file = \"x\"; settings = { a = %s; }; });", brackets);
    memset(brackets, '(', sizeof(brackets) - 1);
    ASSERT_REFUSED(1, "groups and lists are nested too deep", "a = %s", brackets);
}
END_TEST

START_TEST(included_files_are_told_by_their_own_name)
{
    char where[300];
    write_file("more.conf", "\n\nlimits = { depth = 1; };\n");
    ck_assert_int_eq(load("@include \"more.conf\"\n"), -EINVAL);
    (void)snprintf(where, sizeof(where), "%s:3", in_folder("more.conf"));
    ck_assert_str_eq(problems.kept[0].field, where);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_an_error_not_a_problem)
{
    ck_assert_int_eq(config_load(in_folder("none"), NULL, &config, &problems, &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error.text, in_folder("none")));
    ck_assert_uint_eq(problems.count, 0);
    ck_assert_ptr_null(config);
}
END_TEST

START_TEST(plugins_are_the_listed_ones_then_those_found)
{
    write_file("b.so", "");
    write_file("a.so", "");
    write_file("c.so", "");
    write_file(".hidden.so", "");
    write_file("readme.txt", "");
    ck_assert_int_eq(load("daemon = { plugin_dir = \"%s\"; };\n"
                          "plugins = ( { file = \"c.so\"; settings = { x = 1; };"
                          " unrestricted = [\"a\", \"b\"]; limit = 1000000L;"
                          " rate = \"10/min burst 3\"; timeout = \"1.5s\"; },\n"
                          "            { file = \"/none/d.so\"; } );\n",
                          folder),
                     0);
    ck_assert_uint_eq(config->plugins_count, 4);
    ck_assert_str_eq(config->plugins[0].file, in_folder("c.so"));
    assert_json(config->plugins[0].settings, "{\"x\":1}");
    assert_json(config->plugins[0].unrestricted, "[\"a\",\"b\"]");
    ck_assert_ptr_null(config->plugins[1].unrestricted);
    ck_assert_int_eq(config->plugins[0].limit, 1000000);
    ck_assert_int_eq(config->plugins[1].limit, 0);
    ck_assert_uint_eq(config->plugins[0].rate.interval_ns, UINT64_C(6000000000));
    ck_assert_uint_eq(config->plugins[0].rate.burst, 3);
    ck_assert_uint_eq(config->plugins[0].timeout_ns, 1500000000);
    ck_assert_uint_eq(config->plugins[1].rate.interval_ns, 0);
    ck_assert_uint_eq(config->plugins[1].timeout_ns, 0);
    ck_assert_ptr_nonnull(strstr(config->plugins[0].where, "c.conf:2"));
    ck_assert_str_eq(config->plugins[1].file, "/none/d.so");
    ck_assert_ptr_null(config->plugins[1].settings);
    ck_assert_ptr_nonnull(strstr(config->plugins[1].where, "c.conf:3"));
    ck_assert_str_eq(config->plugins[2].file, in_folder("a.so"));
    ck_assert_ptr_null(config->plugins[2].where);
    ck_assert_str_eq(config->plugins[3].file, in_folder("b.so"));
}
END_TEST

START_TEST(a_file_under_two_names_is_one_plugin)
{
    char text[300];
    write_file("a.so", "");
    (void)snprintf(text, sizeof(text), "%s", in_folder("a.so"));
    ck_assert_int_eq(symlink(text, in_folder("z.so")), 0);
    ck_assert_int_eq(load("daemon = { plugin_dir = \"%s\"; };\n"
                          "plugins = ( { file = \"./a.so\"; } );\n",
                          folder),
                     0);
    ck_assert_uint_eq(config->plugins_count, 1);
    ck_assert_int_eq(load("daemon = { plugin_dir = \"%s\"; };\n"
                          "plugins = ( { file = \"a.so\"; },\n{ file = \"z.so\"; } );\n",
                          folder),
                     -EINVAL);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_ptr_nonnull(strstr(problems.kept[0].field, "c.conf:3"));
    ck_assert_ptr_nonnull(strstr(problems.kept[0].text, "z.so is listed before, at "));
}
END_TEST

START_TEST(a_plugin_dir_that_was_asked_for_must_be_there)
{
    char text[300];
    (void)snprintf(text, sizeof(text), "cannot read %s/none: No such file or directory", folder);
    ASSERT_REFUSED(2, text, "daemon = {\n plugin_dir = \"%s/none\"; };", folder);
}
END_TEST

START_TEST(a_group_must_exist)
{
    struct group *own = getgrgid(getgid());
    ASSERT_REFUSED(1, "daemon.group: there is no group \"no-such-group\"",
                   "daemon = { group = \"no-such-group\"; };");
    if (own)
        ck_assert_int_eq(load("daemon = { group = \"%s\"; };", own->gr_name), 0);
}
END_TEST

START_TEST(settings_become_json_of_the_same_kind)
{
    ck_assert_int_eq(load("plugins = ({ file = \"/x\"; settings = {\n"
                          " i = 1; n = -5; l = 3000000000; f = 0.5; t = true; s = \"\xc3\xa4\";\n"
                          " a = [1, 2]; e = (); m = (1, \"x\", { y = 2; }, (3)); g = { };\n"
                          " h = 0xff; b = 9007199254740993L; }; });"),
                     0);
    assert_json(config->plugins[0].settings,
                "{\"a\":[1,2],\"b\":9007199254740993,\"e\":[],\"f\":0.5,\"g\":{},\"h\":255,\"i\":1,"
                "\"l\":3000000000,\"m\":[1,\"x\",{\"y\":2},[3]],\"n\":-5,\"s\":\"\xc3\xa4\","
                "\"t\":true}");
}
END_TEST

START_TEST(settings_that_json_cannot_say_are_refused)
{
    ASSERT_REFUSED(2, "this text is not UTF-8",
                   "plugins = ({ file = \"/x\"; settings = { a = (1,\n\"\xff\"); }; });");
    ASSERT_REFUSED(1, "this number is too large",
                   "plugins = ({ file = \"/x\"; settings = { a = 1e999; }; });");
}
END_TEST

START_TEST(batches_become_submissions)
{
    ck_assert_int_eq(
        load("batches = (\n"
             " { name = \"warm\"; when = \"at_start\"; rate = \"5/s\"; retry = { max = 2; };\n"
             "   jobs = ( { plugin = \"wait\"; params = { seconds = \"{item}\"; };\n"
             "              items = [\"1s\"]; }, { plugin = \"x\"; count = 2; } ); },\n"
             " { when = \"at_start\"; jobs = (); } );"),
        0);
    ck_assert_uint_eq(config->batches_count, 2);
    ck_assert_int_eq(config->batches[0].when, CONFIG_AT_START);
    const struct submission *submission = &config->batches[0].submission;
    ck_assert_str_eq(submission->name, "warm");
    ck_assert_uint_eq(submission->terms.rate.interval_ns, 200000000);
    ck_assert_uint_eq(submission->terms.retry.max, 2);
    assert_json(config->batches[0].jobs, "[{\"items\":[\"1s\"],\"params\":{\"seconds\":\"{item}\"},"
                                         "\"plugin\":\"wait\"},{\"count\":2,\"plugin\":\"x\"}]");
    ck_assert_ptr_nonnull(strstr(config->batches[0].where, "c.conf:2"));
    ck_assert_ptr_null(config->batches[1].submission.name);
    assert_json(config->batches[1].jobs, "[]");
    ck_assert_ptr_nonnull(strstr(config->batches[1].where, "c.conf:5"));
}
END_TEST

START_TEST(as_root_an_untrusted_plugin_is_a_problem)
{
    if (geteuid() != 0)
        return;
    write_file("a.so", "");
    write_file("b.so", "");
    ck_assert_int_eq(chmod(in_folder("b.so"), 0666), 0);
    ck_assert_int_eq(
        load("daemon = { plugin_dir = \"%s\"; };\nplugins = ({ file = \"b.so\"; });", folder),
        -EINVAL);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_ptr_nonnull(strstr(problems.kept[0].field, "c.conf:2"));
    ck_assert_ptr_nonnull(
        strstr(problems.kept[0].text, "b.so can be written by everybody; as root"));
    ck_assert_int_eq(load("daemon = { plugin_dir = \"%s\"; };", folder), -EINVAL);
    ck_assert_str_eq(problems.kept[0].field, in_folder("b.so"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tests = tcase_create("config");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, without_a_file_all_is_default);
    tcase_add_test(tests, an_empty_file_or_only_a_comment_is_fine);
    tcase_add_test(tests, every_option_can_be_set);
    tcase_add_test(tests, options_reach_their_members);
    tcase_add_test(tests, the_command_line_comes_before_the_file_and_the_environment);
    tcase_add_test(tests, a_relative_socket_of_the_command_line_is_made_absolute);
    tcase_add_test(tests,
                   the_state_directory_is_that_of_the_command_line_the_file_or_the_environment);
    tcase_add_test(tests, a_state_directory_too_long_for_the_store_is_refused);
    tcase_add_test(tests, a_state_directory_that_cannot_be_used_is_told_and_not_made);
    tcase_add_test(tests, what_is_unknown_is_told_with_its_line);
    tcase_add_test(tests, what_is_wrong_is_told_with_what_was_expected);
    tcase_add_test(tests, all_problems_are_told_at_once);
    tcase_add_test(tests, syntax_errors_have_a_line);
    tcase_add_test(tests, nesting_without_end_is_refused);
    tcase_add_test(tests, included_files_are_told_by_their_own_name);
    tcase_add_test(tests, a_file_that_is_not_there_is_an_error_not_a_problem);
    tcase_add_test(tests, plugins_are_the_listed_ones_then_those_found);
    tcase_add_test(tests, a_file_under_two_names_is_one_plugin);
    tcase_add_test(tests, a_plugin_dir_that_was_asked_for_must_be_there);
    tcase_add_test(tests, a_group_must_exist);
    tcase_add_test(tests, settings_become_json_of_the_same_kind);
    tcase_add_test(tests, settings_that_json_cannot_say_are_refused);
    tcase_add_test(tests, batches_become_submissions);
    tcase_add_test(tests, as_root_an_untrusted_plugin_is_a_problem);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
