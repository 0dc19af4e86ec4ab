/*
 * Rules about addresses, see address.h. Every address is looked at as 16 bytes, IPv4 as the IPv6 address that it
 * is mapped to (RFC 4291, 2.5.5.2), so that one kind of range does for both. Knows nothing of HTTP and never
 * resolves a name: it is asked about the very address that a socket is about to connect to.
 */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_BYTES 16
#define ADDRESS_BITS 128
/* Where an IPv4 address begins in the IPv6 address that it is mapped to. */
#define MAPPED_BYTES 12
#define MAPPED_BITS 96

static const uint8_t mapped_prefix[MAPPED_BYTES] = {[10] = 0xff, [11] = 0xff};

/* What a word names; bits. */
enum kind {
    KIND_LOOPBACK = 1,
    KIND_LINK_LOCAL = 2,
    KIND_PRIVATE = 4,
};

/*
 * The ranges that are not reachable from everywhere: the IANA IPv4 and IPv6 Special-Purpose Address Registries
 * (RFC 6890, with what was added later), where "Globally Reachable" is not True, and multicast (RFC 5771,
 * RFC 4291). 192.88.99.0/24 and fec0::/10 are out of use (RFC 7526, RFC 3879) and lead nowhere public.
 * 64:ff9b::/96 and 2002::/16 are not listed: the IPv4 address inside decides.
 */
static const struct {
    const char *range;
    unsigned kinds;
} special[] = {
    {"0.0.0.0/8", KIND_PRIVATE | KIND_LOOPBACK},   /* RFC 791; Linux connects 0.0.0.0 to itself */
    {"10.0.0.0/8", KIND_PRIVATE},                  /* RFC 1918 */
    {"100.64.0.0/10", KIND_PRIVATE},               /* RFC 6598, carrier-grade NAT */
    {"127.0.0.0/8", KIND_PRIVATE | KIND_LOOPBACK}, /* RFC 1122 */
    {"169.254.0.0/16", KIND_PRIVATE | KIND_LINK_LOCAL}, /* RFC 3927 */
    {"172.16.0.0/12", KIND_PRIVATE},                    /* RFC 1918 */
    {"192.0.0.0/24", KIND_PRIVATE},                     /* RFC 6890, protocol assignments */
    {"192.0.2.0/24", KIND_PRIVATE},                     /* RFC 5737, documentation */
    {"192.88.99.0/24", KIND_PRIVATE},                   /* RFC 7526, 6to4 relays */
    {"192.168.0.0/16", KIND_PRIVATE},                   /* RFC 1918 */
    {"198.18.0.0/15", KIND_PRIVATE},                    /* RFC 2544, benchmarks */
    {"198.51.100.0/24", KIND_PRIVATE},                  /* RFC 5737 */
    {"203.0.113.0/24", KIND_PRIVATE},                   /* RFC 5737 */
    {"224.0.0.0/4", KIND_PRIVATE},                      /* RFC 5771, multicast */
    {"240.0.0.0/4", KIND_PRIVATE},                 /* RFC 1112, reserved; the broadcast address */
    {"::/128", KIND_PRIVATE | KIND_LOOPBACK},      /* RFC 4291; Linux connects it to itself */
    {"::1/128", KIND_PRIVATE | KIND_LOOPBACK},     /* RFC 4291 */
    {"::/96", KIND_PRIVATE},                       /* RFC 4291, "IPv4-compatible", out of use */
    {"64:ff9b:1::/48", KIND_PRIVATE},              /* RFC 8215, NAT64 of a site */
    {"100::/64", KIND_PRIVATE},                    /* RFC 6666, discarded */
    {"100:0:0:1::/64", KIND_PRIVATE},              /* RFC 9780, dummy prefix */
    {"2001::/23", KIND_PRIVATE},                   /* RFC 2928, protocol assignments, Teredo */
    {"2001:db8::/32", KIND_PRIVATE},               /* RFC 3849, documentation */
    {"3fff::/20", KIND_PRIVATE},                   /* RFC 9637, documentation */
    {"5f00::/16", KIND_PRIVATE},                   /* RFC 9602, segment routing */
    {"fc00::/7", KIND_PRIVATE},                    /* RFC 4193, unique local */
    {"fe80::/10", KIND_PRIVATE | KIND_LINK_LOCAL}, /* RFC 4291 */
    {"fec0::/10", KIND_PRIVATE},                   /* RFC 3879, site-local */
    {"ff00::/8", KIND_PRIVATE},                    /* RFC 4291, multicast */
};
#define SPECIALS (sizeof(special) / sizeof(special[0]))

/* IPv6 prefixes with an IPv4 address inside: where a gateway makes the one out of the other, denying the IPv4
 * address has to deny this one. */
static const struct {
    uint8_t prefix[MAPPED_BYTES];
    size_t prefix_size; /* bytes that are looked at */
    size_t offset;      /* of the IPv4 address, in bytes */
} embedding[] = {
    {{0x00, 0x64, 0xff, 0x9b}, 12, 12}, /* 64:ff9b::/96, NAT64: RFC 6052 */
    {{0x20, 0x02}, 2, 2},               /* 2002::/16, 6to4: RFC 3056 */
};
#define EMBEDDINGS (sizeof(embedding) / sizeof(embedding[0]))

struct range {
    uint8_t prefix[ADDRESS_BYTES];
    unsigned bits;
};

struct rules {
    struct range *ranges;
    size_t count;
    bool public; /* also whatever is not in `private` */
};

struct address_rules {
    struct rules allow, deny;
    struct rules private; /* what the word means */
};

/* ---- Ranges ------------------------------------------------------------------------------------ */

static bool in_range(const uint8_t address[ADDRESS_BYTES], const struct range *range)
{
    size_t whole = range->bits / 8, rest = range->bits % 8;
    if (range->bits < MAPPED_BITS && memcmp(address, mapped_prefix, MAPPED_BYTES) == 0)
        return false; /* "::/0" is what people write who mean IPv6 */
    if (memcmp(address, range->prefix, whole) != 0)
        return false;
    return rest == 0 || (address[whole] ^ range->prefix[whole]) >> (8 - rest) == 0;
}

/* The number of bits after the slash; -1: it is none. */
static int read_bits(const char *text, unsigned max)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return -1;
    errno = 0;
    unsigned long bits = strtoul(text, &end, 10);
    return errno || *end || bits > max ? -1 : (int)bits;
}

/* Reads "ADDRESS" or "ADDRESS/BITS". */
static bool read_range(const char *text, struct range *out)
{
    char address[ADDRESS_TEXT_BYTES];
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    if (size >= sizeof(address))
        return false;
    memcpy(address, text, size);
    address[size] = '\0';

    unsigned before = 0; /* bits that the text does not count */
    if (inet_pton(AF_INET, address, out->prefix + MAPPED_BYTES) == 1) {
        memcpy(out->prefix, mapped_prefix, MAPPED_BYTES);
        before = MAPPED_BITS;
    } else if (inet_pton(AF_INET6, address, out->prefix) != 1) {
        return false;
    }
    int bits = (int)(ADDRESS_BITS - before);
    if (slash)
        bits = read_bits(slash + 1, ADDRESS_BITS - before);
    if (bits < 0)
        return false;
    out->bits = before + (unsigned)bits;
    return true;
}

/* ---- Lists ------------------------------------------------------------------------------------- */

static bool add(struct rules *rules, const struct range *range)
{
    struct range *grown = reallocarray(rules->ranges, rules->count + 1, sizeof(*grown));
    if (!grown)
        return false;
    rules->ranges = grown;
    rules->ranges[rules->count++] = *range;
    return true;
}

static bool add_kinds(struct rules *rules, unsigned kinds)
{
    for (size_t i = 0; i < SPECIALS; i++) {
        struct range range;
        if ((special[i].kinds & kinds) &&
            (!read_range(special[i].range, &range) || !add(rules, &range)))
            return false;
    }
    return true;
}

static const struct {
    const char *word;
    unsigned kinds;
    bool public;
} words[] = {
    {"loopback", KIND_LOOPBACK, false}, {"link-local", KIND_LINK_LOCAL, false},
    {"private", KIND_PRIVATE, false},   {"public", 0, true},
    {"all", KIND_PRIVATE, true},
};
#define WORDS (sizeof(words) / sizeof(words[0]))

enum read { READ_OK, READ_UNKNOWN, READ_NO_MEMORY };

static enum read read_item(struct rules *rules, const char *item)
{
    struct range range;
    for (size_t i = 0; i < WORDS; i++)
        if (strcmp(item, words[i].word) == 0) {
            rules->public |= words[i].public;
            return add_kinds(rules, words[i].kinds) ? READ_OK : READ_NO_MEMORY;
        }
    if (!read_range(item, &range))
        return READ_UNKNOWN;
    return add(rules, &range) ? READ_OK : READ_NO_MEMORY;
}

static bool read_list(struct rules *rules, const struct aw_strings *items, const char *name,
                      char *reason, size_t reason_size)
{
    for (size_t i = 0; i < items->count; i++)
        switch (read_item(rules, items->items[i])) {
        case READ_OK:
            break;
        case READ_UNKNOWN:
            (void)snprintf(reason, reason_size,
                           "settings.%s[%zu]: \"%s\" is no address, no range such as "
                           "\"10.0.0.0/8\", and none of the words private, loopback, link-local, "
                           "public and all",
                           name, i, items->items[i]);
            return false;
        case READ_NO_MEMORY:
            (void)snprintf(reason, reason_size, "out of memory");
            return false;
        }
    return true;
}

struct address_rules *address_rules_new(const struct aw_strings *allow,
                                        const struct aw_strings *deny, char *reason,
                                        size_t reason_size)
{
    struct address_rules *rules = calloc(1, sizeof(*rules));
    if (!rules || !add_kinds(&rules->private, KIND_PRIVATE)) {
        (void)snprintf(reason, reason_size, "out of memory");
    } else if (allow->count > 0 && deny->count == 0) {
        /* Whoever writes only `allow` means that nothing else is, which is not what it does. */
        (void)snprintf(reason, reason_size,
                       "settings.allow: makes exceptions from deny, which is empty; to allow these "
                       "alone, add deny = (\"all\")");
    } else if (read_list(&rules->allow, allow, "allow", reason, reason_size) &&
               read_list(&rules->deny, deny, "deny", reason, reason_size)) {
        return rules;
    }
    address_rules_free(rules);
    return NULL;
}

void address_rules_free(struct address_rules *rules)
{
    if (!rules)
        return;
    free(rules->allow.ranges);
    free(rules->deny.ranges);
    free(rules->private.ranges);
    free(rules);
}

/* ---- Looking up -------------------------------------------------------------------------------- */

static bool any_range(const struct rules *rules, const uint8_t address[ADDRESS_BYTES])
{
    for (size_t i = 0; i < rules->count; i++)
        if (in_range(address, &rules->ranges[i]))
            return true;
    return false;
}

static bool matches(const struct address_rules *all, const struct rules *rules,
                    const uint8_t address[ADDRESS_BYTES])
{
    return any_range(rules, address) || (rules->public && !any_range(&all->private, address));
}

static bool is_allowed(const struct address_rules *rules, const uint8_t address[ADDRESS_BYTES])
{
    return matches(rules, &rules->allow, address) || !matches(rules, &rules->deny, address);
}

/* The IPv4 address inside, as mapped. false: there is none. */
static bool embedded(const uint8_t address[ADDRESS_BYTES], uint8_t out[ADDRESS_BYTES])
{
    for (size_t i = 0; i < EMBEDDINGS; i++)
        if (memcmp(address, embedding[i].prefix, embedding[i].prefix_size) == 0) {
            memcpy(out, mapped_prefix, MAPPED_BYTES);
            memcpy(out + MAPPED_BYTES, address + embedding[i].offset, ADDRESS_BYTES - MAPPED_BYTES);
            return true;
        }
    return false;
}

bool address_allowed(const struct address_rules *rules, const struct sockaddr *address)
{
    uint8_t bytes[ADDRESS_BYTES], inner[ADDRESS_BYTES];
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        memcpy(bytes, mapped_prefix, MAPPED_BYTES);
        memcpy(bytes + MAPPED_BYTES, &in->sin_addr, sizeof(in->sin_addr));
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        memcpy(bytes, &in6->sin6_addr, sizeof(bytes));
    } else {
        return false;
    }
    return is_allowed(rules, bytes) && (!embedded(bytes, inner) || is_allowed(rules, inner));
}

/* ---- For people ---------------------------------------------------------------------------------- */

const char *address_text(const struct sockaddr *address, char text[ADDRESS_TEXT_BYTES])
{
    socklen_t size =
        address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if ((address->sa_family != AF_INET && address->sa_family != AF_INET6) ||
        getnameinfo(address, size, text, ADDRESS_TEXT_BYTES, NULL, 0, NI_NUMERICHOST) != 0)
        (void)snprintf(text, ADDRESS_TEXT_BYTES, "an address that is neither IPv4 nor IPv6");
    return text;
}

unsigned address_port(const struct sockaddr *address)
{
    switch (address->sa_family) {
    case AF_INET:
        return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    case AF_INET6:
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    default:
        return 0;
    }
}
