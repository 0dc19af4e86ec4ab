#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plugins/exec/command.h"
#include "suite.h"

static struct aw_json json(const char *text)
{
    return (struct aw_json){.text = text, .size = text ? strlen(text) : 0};
}

static struct commands read_commands(const char *text)
{
    struct commands commands;
    char reason[256] = "";
    struct aw_json setting = json(text);
    ck_assert_msg(commands_read(&setting, &commands, reason, sizeof(reason)) == 0, "%s", reason);
    return commands;
}

static void refuse_commands(const char *text, const char *expected)
{
    struct commands commands = {.count = 77};
    char reason[256] = "";
    struct aw_json setting = json(text);
    ck_assert_int_eq(commands_read(&setting, &commands, reason, sizeof(reason)), -EINVAL);
    ck_assert_ptr_nonnull(strstr(reason, expected));
    ck_assert_uint_eq(commands.count, 77);
}

/* The arguments joined by '|'. */
static void fills(const struct command *command, const char *args, const char *expected)
{
    char reason[256] = "", joined[256] = "";
    char **argv;
    struct aw_json given = json(args);
    ck_assert_msg(command_fill(command, &given, &argv, reason, sizeof(reason)) == 0, "%s", reason);
    for (size_t i = 0; argv[i]; i++) {
        size_t used = strlen(joined);
        (void)snprintf(joined + used, sizeof(joined) - used, "%s%s", i ? "|" : "", argv[i]);
    }
    ck_assert_str_eq(joined, expected);
    command_free_argv(argv);
}

static void refuses(const struct command *command, const char *args, const char *expected)
{
    char reason[256] = "";
    char **argv = (char **)&reason;
    struct aw_json given = json(args);
    ck_assert_int_eq(command_fill(command, &given, &argv, reason, sizeof(reason)), -EINVAL);
    ck_assert_ptr_nonnull(strstr(reason, expected));
    ck_assert_ptr_eq(argv, (char **)&reason);
}

START_TEST(no_setting_makes_no_commands)
{
    struct commands commands = read_commands(NULL);
    ck_assert_uint_eq(commands.count, 0);
    ck_assert_ptr_null(commands_find(&commands, "x"));
    commands_clear(&commands);
    commands = read_commands("[]");
    ck_assert_uint_eq(commands.count, 0);
    commands_clear(&commands);
}
END_TEST

START_TEST(members_are_read)
{
    struct commands commands = read_commands(
        "[{\"argv\": [\"/x\", \"{a}\", \"b\"], \"name\": \"one\", \"env\": [\"A=1\", \"B=\"],"
        " \"cwd\": \"/y\", \"stdin\": true, \"dashes\": true, \"clean_env\": true,"
        " \"grace\": 0.5},"
        " {\"name\": \"two\", \"argv\": [\"z\"]}]");
    ck_assert_uint_eq(commands.count, 2);
    const struct command *one = commands_find(&commands, "one");
    const struct command *two = commands_find(&commands, "two");
    ck_assert_uint_eq(one->argument_count, 3);
    ck_assert(!one->arguments[0].is_placeholder && one->arguments[1].is_placeholder);
    ck_assert_str_eq(one->arguments[1].text, "a");
    ck_assert_uint_eq(one->env_count, 2);
    ck_assert_str_eq(one->env[1], "B=");
    ck_assert_str_eq(one->cwd, "/y");
    ck_assert(one->takes_stdin && one->dashes && one->clean_env);
    ck_assert(!two->takes_stdin && !two->dashes && !two->clean_env);
    ck_assert_ptr_null(two->cwd);
    ck_assert_double_eq(one->grace_s, 0.5);
    ck_assert_double_eq(two->grace_s, COMMAND_GRACE_S);
    commands_clear(&commands);
}
END_TEST

START_TEST(what_is_wrong_is_refused)
{
    static const char *const texts[][2] = {
        {"3", "must be a list"},
        {"{}", "must be a list"},
        {"[", "must be a list"},
        {"[1]", "commands[0]: must be a group"},
        {"[{}]", "commands[0].name"},
        {"[{\"name\": \"\"}]", "commands[0].name"},
        {"[{\"name\": \"a\"}]", "argv: is missing"},
        {"[{\"name\": \"a\", \"argv\": [\"x\", \"a{b}\"]}]", "argv[1]: a placeholder is a whole"},
        {"[{\"name\": \"a\", \"argv\": [\"x\", \"{a}{b}\"]}]", "argv[1]: a placeholder is a whole"},
        {"[{\"name\": \"a\", \"argv\": [\"x\", \"{print $1}\"]}]", "double them"},
        {"[{\"name\": \"a\", \"argv\": [\"x\", \"{1}\"]}]", "double them"},
        {"[{\"name\": \"a\", \"argv\": [\"x\", \"{}\"]}]", "double them"},
        {"[{\"name\": \"a\", \"argv\": [\"x\", \"{{a}\"]}]", "double them"},
        {"[{\"name\": \"a\", \"argv\": [\"x\", \"a}\"]}]", "double them"},
        {"[{\"name\": \"a\", \"argv\": [\"x\", \"{item}\"]}]", "argv[1]: {item}"},
        {"[{\"name\": \"a\", \"argv\": [\"{x}\"]}]", "argv[0]: the program itself"},
        {"[{\"name\": \"a\", \"argv\": [\"x\"], \"env\": [\"=\"]}]", "env[0]"},
        {"[{\"name\": \"a\", \"argv\": [\"x\"], \"env\": [\"A=\", 1]}]", "env[1]"},
        {"[{\"name\": \"a\", \"argv\": [\"x\"], \"grace\": 61}]", ".grace: must be a number"},
        {"[{\"name\": \"a\", \"argv\": [\"x\"], \"grace\": -1}]", ".grace: must be a number"},
        {"[{\"name\": \"a\", \"argv\": [\"x\"], \"grace\": \"1s\"}]", ".grace: must be a number"},
        {"[{\"name\": \"a\", \"argv\": [\"x\"]}, {\"name\": \"a\", \"argv\": [\"x\"]}]",
         "commands[1] ('a'): there are two"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        refuse_commands(texts[i][0], texts[i][1]);
}
END_TEST

START_TEST(doubled_braces_are_braces)
{
    struct commands commands = read_commands(
        "[{\"name\": \"a\", \"argv\": [\"awk\", \"{{print $1}}\", \"{{print}}\", \"{{}}\", \"{{\","
        " \"}}\", \"a{{b}}c\", \"{{{{}}\"]}]");
    fills(&commands.list[0], NULL, "awk|{print $1}|{print}|{}|{|}|a{b}c|{{}");
    commands_clear(&commands);
}
END_TEST

START_TEST(values_become_whole_arguments)
{
    struct commands commands = read_commands(
        "[{\"name\": \"a\", \"argv\": [\"x\", \"{from}\", \"y\", \"{to_2}\", \"{from}\"]}]");
    const struct command *command = &commands.list[0];
    fills(command, "{\"from\": \"a b\", \"to_2\": \"{from}\"}", "x|a b|y|{from}|a b");
    fills(command, "{\"from\": \"\", \"to_2\": 1}", "x||y|1|");
    fills(command, "{\"from\": 0.1, \"to_2\": 1e300}", "x|0.1|y|1e+300|0.1");
    fills(command, "{\"from\": 9223372036854775807, \"to_2\": 0.30000000000000004}",
          "x|9223372036854775807|y|0.30000000000000004|9223372036854775807");
    commands_clear(&commands);
}
END_TEST

START_TEST(values_that_do_not_fit_are_refused)
{
    struct commands commands =
        read_commands("[{\"name\": \"a\", \"argv\": [\"x\", \"{v}\"]},"
                      " {\"name\": \"b\", \"argv\": [\"x\", \"{v}\"], \"dashes\": true}]");
    const struct command *command = &commands.list[0];
    refuses(command, NULL, "args.v: is missing");
    refuses(command, "{}", "args.v: is missing");
    refuses(command, "{\"v\": \"\", \"w\": 1}", "args.w: the command 'a' has no such placeholder");
    refuses(command, "{\"v\": {}}", "args.v: must be a text or a number");
    refuses(command, "{\"v\": \"-x\"}", "args.v: begins with '-'");
    refuses(command, "{\"v\": -1}", "args.v: begins with '-'");
    refuses(command, "{\"v\": 1, \"v\": 2}", "args: ");
    refuses(command, "\"v\"", "args: must be an object");
    fills(&commands.list[1], "{\"v\": \"-x\"}", "x|-x");
    commands_clear(&commands);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exec command");
    TCase *tests = tcase_create("commands");
    tcase_add_test(tests, no_setting_makes_no_commands);
    tcase_add_test(tests, members_are_read);
    tcase_add_test(tests, what_is_wrong_is_refused);
    tcase_add_test(tests, doubled_braces_are_braces);
    tcase_add_test(tests, values_become_whole_arguments);
    tcase_add_test(tests, values_that_do_not_fit_are_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
