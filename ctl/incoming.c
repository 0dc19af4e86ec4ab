/*
 * Tells apart what the daemon sends. The daemon is trusted, but its socket's path may be anybody's: what is no message
 * of the protocol is refused in words. Never reads the socket, and does not know what an event or a result means.
 */
#include "incoming.h"

#include <stdbool.h>
#include <stdio.h>
#include "ctl.h"
#include "wire/rpc.h"

/* Tells what kind of message it is; false: none of the protocol. */
static bool classify(struct incoming *incoming)
{
    json_t *root = incoming->root;
    incoming->id = json_integer_value(json_object_get(root, "id"));
    if ((incoming->method = json_string_value(json_object_get(root, "method")))) {
        incoming->kind = INCOMING_EVENT;
        incoming->body = json_object_get(root, "params");
        return json_is_object(incoming->body);
    }
    if ((incoming->body = json_object_get(root, "error"))) {
        incoming->kind = INCOMING_ERROR;
        return json_is_object(incoming->body);
    }
    incoming->kind = INCOMING_RESULT;
    incoming->body = json_object_get(root, "result");
    return json_is_object(incoming->body);
}

int incoming_read(struct ctl *ctl, const char *text, size_t size, struct incoming *out)
{
    struct incoming incoming = {.text = text, .size = size};
    json_error_t error;
    /* NUL is allowed: a job's output may have some. */
    incoming.root = json_loadb(text, size, JSON_ALLOW_NUL, &error);
    if (!incoming.root)
        return ctl_fail(ctl, CTL_NO_DAEMON, "this is no awaitd, or a broken one: %s", error.text);
    if (!classify(&incoming)) {
        incoming_clear(&incoming);
        return ctl_fail(ctl, CTL_NO_DAEMON,
                        "this is no awaitd, or a broken one: it sent no JSON-RPC message");
    }
    *out = incoming;
    return CTL_OK;
}

void incoming_clear(struct incoming *incoming)
{
    json_decref(incoming->root);
    *incoming = (struct incoming){.root = NULL};
}

void incoming_print(const struct incoming *incoming)
{
    (void)fwrite(incoming->text, 1, incoming->size, stdout); /* main looks at ferror */
    (void)putchar('\n');
}

int incoming_refusal(struct ctl *ctl, const struct incoming *error)
{
    static const struct {
        enum rpc_code code;
        enum ctl_exit exit;
    } exits[] = {
        {RPC_NO_SUCH_THING, CTL_NO_SUCH_THING},
        {RPC_NOT_ALLOWED, CTL_NOT_ALLOWED},
    };
    json_int_t code = json_integer_value(json_object_get(error->body, "code"));
    const char *words = json_string_value(json_object_get(error->body, "message"));
    enum ctl_exit exit = CTL_REFUSED;
    for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
        if (exits[i].code == code)
            exit = exits[i].exit;
    }
    json_t *problems = json_object_get(json_object_get(error->body, "data"), "problems");
    json_decref(ctl->problems);
    ctl->problems = json_is_array(problems) ? json_deep_copy(problems) : NULL;
    return ctl_fail(ctl, exit, "%s", words ? words : "refused without a reason");
}
