/*
 * A list, and a pointer in each client that waits.
 */
#include "supervisor/errands.h"

#include <assert.h>
#include "supervisor/client.h"

static void finish(struct errand *errand)
{
    if (errand->client)
        *client_errand(errand->client) = NULL;
    LIST_REMOVE(errand, link);
    json_decref(errand->result);
    errand->over(errand);
}

void errands_clear(struct errands *errands)
{
    struct errand *errand;
    while ((errand = LIST_FIRST(&errands->list))) {
        assert(!errand->client);
        finish(errand);
    }
}

void errand_begin(struct errands *errands, struct errand *errand, struct client *client)
{
    assert(!*client_errand(client));
    *client_errand(client) = errand;
    errand->client = client;
    LIST_INSERT_HEAD(&errands->list, errand, link);
    client_hold(client);
}

void errand_done(struct errand *errand)
{
    errand->done = true;
    if (errand->client)
        client_release(errand->client);
    else
        finish(errand);
}

struct errand *errand_of(struct client *client)
{
    struct errand *errand = *client_errand(client);
    assert(!errand || errand->done); /* else it is held, and nothing is carried out */
    return errand;
}

void errands_served(struct client *client)
{
    struct errand *errand = *client_errand(client);
    if (errand && errand->done)
        finish(errand);
}

void errands_drop(struct client *client)
{
    struct errand *errand = *client_errand(client);
    if (!errand)
        return;
    if (errand->done || errand->forgettable) {
        finish(errand);
    } else {
        *client_errand(client) = NULL;
        errand->client = NULL;
    }
}
