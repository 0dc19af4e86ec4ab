/*
 * Lookups left behind, see lookups.h. When they end is not to be known, but after the resolver's own time limits they
 * have ended, so it is enough to know when the last of them were left.
 */
#include "lookups.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>
#include <strings.h>
#include <curl/curl.h>

/* A name is asked for as it is, and with one domain of the search list added: after a time-out glibc tries no others. */
#define SPELLINGS 2
/* Seconds; where the resolver does not tell: its defaults (resolv.conf(5)) with 3 servers, 5 s and 2 attempts. */
#define LONGEST_S (3 * 5 * 2 * SPELLINGS)

uint64_t lookups_longest_ns(void)
{
    struct __res_state state = {0};
    uint64_t seconds = LONGEST_S;
    if (res_ninit(&state) == 0) {
        int servers = state.nscount > 0 ? state.nscount : 1;
        if (state.retrans > 0 && state.retry > 0)
            seconds =
                (uint64_t)state.retrans * (uint64_t)state.retry * (uint64_t)servers * SPELLINGS;
        res_nclose(&state);
    }
    return seconds * 1000000000u;
}

bool lookups_may_begin(const struct lookups *lookups, uint64_t now_ns)
{
    uint64_t left_ns = lookups->left_ns[lookups->oldest];
    return left_ns == 0 || now_ns - left_ns >= lookups->longest_ns;
}

void lookups_leave(struct lookups *lookups, uint64_t now_ns)
{
    lookups->left_ns[lookups->oldest] = now_ns;
    lookups->oldest = (lookups->oldest + 1) % LOOKUPS_LEFT_MAX;
}

/* As libcurl's URLs have it: IPv6 in brackets. */
static bool is_address(const char *host)
{
    struct in6_addr address; /* for either family */
    char text[INET6_ADDRSTRLEN];
    size_t size = strlen(host);
    if (inet_pton(AF_INET, host, &address) == 1)
        return true;
    if (size < 2 || host[0] != '[' || host[size - 1] != ']' || size - 2 >= sizeof(text))
        return false;
    memcpy(text, host + 1, size - 2);
    text[size - 2] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

bool lookups_not_needed(const char *text)
{
    CURLU *url = curl_url();
    char *host = NULL;
    bool found = url &&
                 curl_url_set(url, CURLUPART_URL, text,
                              CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK;
    bool result = found && (is_address(host) || strcasecmp(host, "localhost") == 0);
    curl_free(host);
    curl_url_cleanup(url);
    return result;
}
