/*
 * Prints the table of options at build time: `options_doc conf` as the groups of etc/awaitd.conf, each
 * option commented out with its default; `options_doc man` as the OPTIONS of awaitd.conf(5), for
 * scdoc. Introduction and examples are written by hand and put around it by the Makefile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/options.h"

/* Columns of a line of etc/awaitd.conf; fits a terminal. */
#define WIDTH 80

static const char *shown_value(const struct option *option)
{
    return option->fallback ? option->fallback : option->example;
}

/* Prints the words of a text as comment lines of a configuration file, indented as options are. */
static void print_comment(const char *text)
{
    static const char start[] = "    #";
    size_t column = 0;

    while (*text) {
        size_t word = strcspn(text, " ");
        if (column > 0 && column + 1 + word > WIDTH) {
            (void)putchar('\n');
            column = 0;
        }
        if (column == 0)
            column = (size_t)printf("%s", start);
        column += (size_t)printf(" %.*s", (int)word, text);
        text += word;
        text += strspn(text, " ");
    }
    (void)putchar('\n');
}

static void print_conf_option(const struct option *option)
{
    const char *quote = options_is_quoted(option) ? "\"" : "";
    char range[100];

    print_comment(option->text);
    if (options_show_range(option, range, sizeof(range))[0])
        (void)printf("    # Allowed: %s.\n", range);
    (void)printf("    #%s = %s%s%s;\n", option->name, quote, shown_value(option), quote);
}

/* Prints text with the characters that scdoc would take as markup escaped. */
static void print_scdoc(const char *text)
{
    for (; *text; text++) {
        if (strchr("_*\\#[]<>`~", *text))
            (void)putchar('\\');
        (void)putchar(*text);
    }
}

static void print_man_option(const struct option *option)
{
    const char *quote = options_is_quoted(option) ? "\"" : "";
    char range[100];

    (void)printf("*");
    print_scdoc(option->name);
    (void)printf("* = %s", quote);
    print_scdoc(shown_value(option));
    (void)printf("%s\n\t", quote);
    print_scdoc(option->text);
    if (options_show_range(option, range, sizeof(range))[0]) {
        (void)printf(" Allowed: ");
        print_scdoc(range);
        (void)putchar('.');
    }
    (void)printf("\n\n");
}

static void print_conf(void)
{
    const char *group = NULL;
    const struct option *option;

    for (size_t i = 0; (option = options_at(i)); i++) {
        if (!group || strcmp(group, option->group) != 0) {
            (void)printf("%s%s:\n{\n", group ? "};\n\n" : "", option->group);
            group = option->group;
        } else {
            (void)putchar('\n');
        }
        print_conf_option(option);
    }
    (void)printf("};\n");
}

static void print_man(void)
{
    const char *group = NULL;
    const struct option *option;

    for (size_t i = 0; (option = options_at(i)); i++) {
        if (!group || strcmp(group, option->group) != 0) {
            group = option->group;
            (void)printf("## %s\n\n", group);
        }
        print_man_option(option);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "conf") == 0) {
        print_conf();
    } else if (argc == 2 && strcmp(argv[1], "man") == 0) {
        print_man();
    } else {
        (void)fprintf(stderr, "usage: options_doc conf|man\n");
        return 2;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("options_doc");
        return 1;
    }
    return 0;
}
