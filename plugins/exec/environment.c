/*
 * Environments, see environment.h. Sorting is what makes a list of many thousand entries cheap.
 */
#include "environment.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where programs are looked for when nobody says; reason: where Debian has them, and no more. */
#define USUAL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct entry {
    const char *text;
    size_t name_size;
    size_t order; /* later ones win */
};

bool environment_is_entry(const char *text)
{
    const char *equals = strchr(text, '=');
    return equals && equals != text;
}

static int compare(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    size_t common = left->name_size < right->name_size ? left->name_size : right->name_size;
    int by_name = memcmp(left->text, right->text, common);
    if (by_name != 0)
        return by_name;
    if (left->name_size != right->name_size)
        return left->name_size < right->name_size ? -1 : 1;
    return left->order < right->order ? -1 : 1;
}

static struct entry entry(const char *text, size_t order)
{
    return (struct entry){.text = text, .name_size = strcspn(text, "="), .order = order};
}

static bool same_name(const struct entry *a, const struct entry *b)
{
    return a->name_size == b->name_size && memcmp(a->text, b->text, a->name_size) == 0;
}

/* A command that took itself for the service could tell systemd that the daemon is ready, or stops. */
static bool is_services_own(const char *text)
{
    static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"};
    size_t size = strcspn(text, "=");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == size && memcmp(names[i], text, size) == 0)
            return true;
    return false;
}

char **environment_inherited(void)
{
    size_t count = 0, kept = 0;
    while (environ && environ[count])
        count++;
    char **result = calloc(count + 1, sizeof(*result));
    for (size_t i = 0; result && i < count; i++)
        if (!is_services_own(environ[i]))
            result[kept++] = environ[i];
    return result;
}

char **environment_with(char *const *base, const char *const *added, size_t count)
{
    size_t all = 0;
    while (base[all])
        all++;
    struct entry *entries = calloc(all + count + 1, sizeof(*entries));
    char **result = calloc(all + count + 1, sizeof(*result));
    if (!entries || !result) {
        free(entries);
        free(result);
        return NULL;
    }
    for (size_t i = 0; i < all; i++)
        entries[i] = entry(base[i], i);
    for (size_t i = 0; i < count; i++, all++)
        entries[all] = entry(added[i], all);
    qsort(entries, all, sizeof(*entries), compare);
    size_t kept = 0;
    for (size_t i = 0; i < all; i++)
        if (i + 1 == all || !same_name(&entries[i], &entries[i + 1]))
            result[kept++] = (char *)entries[i].text; /* exec takes it so, and changes nothing */
    free(entries);
    return result;
}

char **environment_clean(void)
{
    static const char name[] = "PATH=";
    const char *path = getenv("PATH");
    if (!path)
        path = USUAL_PATH;
    size_t size = strlen(path) + 1;
    char **result = malloc(2 * sizeof(*result) + sizeof(name) - 1 + size);
    if (!result)
        return NULL;
    char *text = (char *)(result + 2);
    memcpy(text, name, sizeof(name) - 1);
    memcpy(text + sizeof(name) - 1, path, size);
    result[0] = text;
    result[1] = NULL;
    return result;
}
