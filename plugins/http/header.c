/*
 * What a header may be, see header.h.
 */
#include "header.h"

#include <string.h>
#include <strings.h>

bool header_is_token(const char *text, size_t size)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || !strchr(others, c)))
            return false;
    }
    return size > 0;
}

bool header_is_value(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

static bool is_named(const char *name, size_t size, const char *wanted)
{
    return strlen(wanted) == size && strncasecmp(name, wanted, size) == 0;
}

/* Those that say where a request ends, or that it is no request: connections are shared, and the next request on this
 * one may be somebody else's. */
static bool is_framing(const char *name, size_t size)
{
    static const char *const names[] = {"Content-Length", "Transfer-Encoding", "Upgrade"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (is_named(name, size, names[i]))
            return true;
    return false;
}

const char *header_problem(const char *line)
{
    size_t size = strcspn(line, ":");
    if (line[0] == ' ' || line[0] == '\t')
        return "must not begin with a blank";
    if (line[size] != ':')
        return "must be of the form \"Name: value\"";
    if (size > HEADER_NAME_BYTES || !header_is_token(line, size))
        return "the name must be letters, digits and !#$%&'*+-.^_`|~";
    if (!header_is_value(line + size + 1))
        return "must not have line breaks or other control characters";
    if (is_framing(line, size))
        return "Content-Length, Transfer-Encoding and Upgrade cannot be set";
    if (is_named(line, size, "Proxy-Authorization"))
        return "Proxy-Authorization would be sent to servers, too: the proxy's password goes into "
               "proxy";
    return NULL;
}
