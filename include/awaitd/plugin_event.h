/*
 * awaitd/plugin_event.h: the worker's libevent loop, for plugins that bring an event-driven library
 * with them. Optional; plugins that only wait for time or for one descriptor do not need it.
 *
 * The plugin adds its own events to the base and frees them all before its close() returns. Their
 * callbacks run on the loop thread and must not block. It must never run, break or free the base.
 */
#ifndef AWAITD_PLUGIN_EVENT_H
#define AWAITD_PLUGIN_EVENT_H

#include <awaitd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;

/* The base of this worker's loop. Loop thread; from open() on, until close() returned. */
struct event_base *aw_event_base(struct aw_worker *worker);

#ifdef __cplusplus
}
#endif
#endif
