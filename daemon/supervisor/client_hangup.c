/*
 * Notices when the other side is gone, while nothing is read: because it will send no more, where reading would
 * report the end for ever, or because it is held. An edge-triggered event reports only changes, and the next one is the
 * hang-up. It needs a descriptor of its own: events of one descriptor are either all edge-triggered or none. Where there
 * is none to be had, a dead client shows at the next write.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include "supervisor/client_parts.h"

bool client_hung_up(const struct client *client)
{
    struct pollfd state = {.fd = client->fd};
    return poll(&state, 1, 0) == 1 && (state.revents & (POLLHUP | POLLERR));
}

static void on_hangup(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct client *client = context;
    if (!client_hung_up(client))
        return;
    client_set_gone(client);
    if (client->held && !client->shortly)
        client->closing = true;
    client_serve(client);
}

void client_watch_hangup(struct client *client)
{
    if (client->hangup_fd >= 0)
        return;
    client->hangup_fd = fcntl(client->fd, F_DUPFD_CLOEXEC, 0);
    if (client->hangup_fd >= client->fd_end) { /* it belongs to the reserve */
        (void)close(client->hangup_fd);        /* only a second name of the socket */
        client->hangup_fd = -1;
    }
    if (client->hangup_fd < 0)
        return; /* a dead client shows at the next write */
    client->hangup = event_new(event_get_base(client->readable), client->hangup_fd,
                               EV_READ | EV_PERSIST | EV_ET, on_hangup, client);
    if (client->hangup)
        (void)event_add(client->hangup, NULL); /* as above */
}

void client_unwatch_hangup(struct client *client)
{
    if (client->hangup)
        event_free(client->hangup);
    client->hangup = NULL;
    if (client->hangup_fd >= 0)
        (void)close(client->hangup_fd); /* only a second name of the socket */
    client->hangup_fd = -1;
}
