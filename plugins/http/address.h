/*
 * Which addresses jobs may connect to: the settings `allow` and `deny`. An address that `allow` names is
 * allowed; one that `deny` names is not; all others are. No thread of its own; constant once made.
 */
#ifndef AWAITD_HTTP_ADDRESS_H
#define AWAITD_HTTP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <awaitd/plugin.h>

/* Bytes that address_text() needs at most: an IPv6 address with its zone, NUL included. */
#define ADDRESS_TEXT_BYTES 80

struct address_rules;

/*
 * Reads both lists. An item is an address ("10.0.0.1", "2001:db8::1"), a range ("10.0.0.0/8") or a word:
 *
 *     loopback    this machine
 *     link-local  169.254.0.0/16, with the metadata services of clouds, and fe80::/10
 *     private     both of these and whatever else is not reachable from everywhere
 *     public      what is not private
 *     all         every address
 *
 * Returns the rules, for address_rules_free(); NULL after writing into `reason` (reason_size bytes, NUL
 * included) which item is wrong, or that memory ran out.
 */
struct address_rules *address_rules_new(const struct aw_strings *allow,
                                        const struct aw_strings *deny, char *reason,
                                        size_t reason_size);
void address_rules_free(struct address_rules *rules);

/* Whether a job may connect there. IPv4 addresses inside IPv6 ones (mapped, NAT64, 6to4) are looked at as well.
 * Nothing but IPv4 and IPv6 is ever allowed. */
bool address_allowed(const struct address_rules *rules, const struct sockaddr *address);

/* The address for people, without its port; a constant text where it is of no known family. Returns `text`. */
const char *address_text(const struct sockaddr *address, char text[ADDRESS_TEXT_BYTES]);
/* The port; 0 where it has none. */
unsigned address_port(const struct sockaddr *address);

#endif
