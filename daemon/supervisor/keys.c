/*
 * glibc's red-black tree, as in base/name_map. Its header has a struct entry of its own, so that nothing here may
 * know what a batch is.
 */
#include "supervisor/keys.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    const struct key *one = a, *other = b;
    if (one->owner != other->owner)
        return one->owner < other->owner ? -1 : 1;
    return strcmp(one->text, other->text);
}

const struct key *keys_find(const struct keys *keys, uid_t owner, const char *text)
{
    struct key wanted = {.owner = owner, .text = text};
    struct key *const *found = tfind(&wanted, &keys->root, compare);
    return found ? *found : NULL;
}

const char *keys_add(struct keys *keys, uid_t owner, const char *text, struct batch *batch)
{
    assert(!keys_find(keys, owner, text));
    size_t size = strlen(text) + 1;
    struct key *key = malloc(sizeof(*key) + size); /* and the text behind it */
    if (!key)
        return NULL;
    *key = (struct key){.owner = owner, .batch = batch};
    key->text = memcpy(key + 1, text, size);
    if (tsearch(key, &keys->root, compare))
        return key->text;
    free(key);
    return NULL;
}

void keys_remove(struct keys *keys, uid_t owner, const char *text)
{
    struct key wanted = {.owner = owner, .text = text};
    struct key *const *found = tfind(&wanted, &keys->root, compare);
    assert(found);
    struct key *key = *found;
    (void)tdelete(key, &keys->root, compare); /* it is there */
    free(key);
}
