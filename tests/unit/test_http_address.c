#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include "plugins/http/address.h"
#include "suite.h"

#define LIST(...) \
    (struct aw_strings) \
    { \
        .items = (const char *const[]){__VA_ARGS__}, \
        .count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *) \
    }

static const struct aw_strings nothing;
static char reason[512];

static struct address_rules *rules_of(struct aw_strings allow, struct aw_strings deny)
{
    struct address_rules *rules = address_rules_new(&allow, &deny, reason, sizeof(reason));
    ck_assert_msg(rules != NULL, "%s", reason);
    return rules;
}

static bool allows(const struct address_rules *rules, const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        return address_allowed(rules, (struct sockaddr *)&in);
    ck_assert_int_eq(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    return address_allowed(rules, (struct sockaddr *)&in6);
}

/* Whether rules with this one item in `deny` deny the address. */
static bool denies(const char *item, const char *address)
{
    struct address_rules *rules = rules_of(nothing, LIST(item));
    bool allowed = allows(rules, address);
    address_rules_free(rules);
    return !allowed;
}

START_TEST(without_rules_all_is_allowed)
{
    struct address_rules *rules = rules_of(nothing, nothing);
    ck_assert(allows(rules, "127.0.0.1"));
    ck_assert(allows(rules, "::1"));
    ck_assert(allows(rules, "8.8.8.8"));
    address_rules_free(rules);
}
END_TEST

START_TEST(what_is_neither_ipv4_nor_ipv6_is_never_allowed)
{
    struct address_rules *rules = rules_of(nothing, nothing);
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
    char text[ADDRESS_TEXT_BYTES];
    ck_assert(!address_allowed(rules, (struct sockaddr *)&local));
    ck_assert_str_eq(address_text((struct sockaddr *)&local, text),
                     "an address that is neither IPv4 nor IPv6");
    ck_assert_uint_eq(address_port((struct sockaddr *)&local), 0);
    address_rules_free(rules);
}
END_TEST

/* The first and last address of each range. */
static const char *const private_addresses[] = {
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.0.0",
    "169.254.169.254",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.0.0",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.9",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:1ff:ffff::",
    "2001:db8::1",
    "2002:a00:1::",
    "2002:7f00:1::1",
    "3fff::1",
    "fc00::",
    "fdff:ffff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ffff::",
};

START_TEST(private_covers_what_is_not_reachable_from_everywhere)
{
    ck_assert(denies("private", private_addresses[_i]));
    ck_assert(denies("all", private_addresses[_i]));
    ck_assert(!denies("public", private_addresses[_i]) ||
              strncmp(private_addresses[_i], "64:ff9b::", 9) == 0 ||
              strncmp(private_addresses[_i], "2002:", 5) == 0);
}
END_TEST

static const char *const public_addresses[] = {
    "1.1.1.1",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",   "100.128.0.0",
    "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",      "172.15.255.255",
    "172.32.0.0",      "192.0.1.0",       "192.167.255.255", "192.169.0.0",      "198.17.255.255",
    "198.20.0.0",      "223.255.255.255", "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8", "2001:200::1",
    "2002:808:808::1", "2606:4700::1111", "fbff::1",         "2003::1",
};

START_TEST(private_covers_nothing_else)
{
    ck_assert(!denies("private", public_addresses[_i]));
    ck_assert(denies("public", public_addresses[_i]));
    ck_assert(denies("all", public_addresses[_i]));
}
END_TEST

START_TEST(words_name_their_ranges)
{
    ck_assert(denies("loopback", "127.0.0.1"));
    ck_assert(denies("loopback", "::1"));
    ck_assert(denies("loopback", "0.0.0.0"));
    ck_assert(denies("loopback", "::"));
    ck_assert(!denies("loopback", "10.0.0.1"));
    ck_assert(denies("link-local", "169.254.169.254"));
    ck_assert(denies("link-local", "fe80::1"));
    ck_assert(!denies("link-local", "127.0.0.1"));
}
END_TEST

START_TEST(ranges_end_where_their_bits_do)
{
    ck_assert(denies("10.1.2.0/23", "10.1.3.255"));
    ck_assert(!denies("10.1.2.0/23", "10.1.4.0"));
    ck_assert(denies("10.1.2.3", "10.1.2.3"));
    ck_assert(!denies("10.1.2.3", "10.1.2.2"));
    ck_assert(denies("10.1.2.3", "::ffff:10.1.2.3"));
    ck_assert(denies("2001:db8::/33", "2001:db8:7fff::1"));
    ck_assert(!denies("2001:db8::/33", "2001:db8:8000::1"));
    ck_assert(denies("::ffff:10.0.0.0/104", "10.1.2.3"));
}
END_TEST

START_TEST(a_range_of_one_kind_is_not_of_the_other)
{
    ck_assert(denies("0.0.0.0/0", "8.8.8.8"));
    ck_assert(!denies("0.0.0.0/0", "2606:4700::1111"));
    ck_assert(denies("::/0", "2606:4700::1111"));
    ck_assert(!denies("::/0", "8.8.8.8"));
}
END_TEST

START_TEST(allow_makes_exceptions_from_deny)
{
    struct address_rules *rules = rules_of(LIST("10.1.0.0/16", "8.8.8.8"), LIST("all"));
    ck_assert(allows(rules, "10.1.2.3"));
    ck_assert(allows(rules, "8.8.8.8"));
    ck_assert(!allows(rules, "10.2.0.0"));
    ck_assert(!allows(rules, "8.8.4.4"));
    ck_assert(!allows(rules, "::1"));
    address_rules_free(rules);
}
END_TEST

START_TEST(allow_without_deny_is_refused)
{
    struct aw_strings allow = LIST("10.0.0.0/8");
    ck_assert_ptr_null(address_rules_new(&allow, &nothing, reason, sizeof(reason)));
    ck_assert_ptr_nonnull(strstr(reason, "add deny = (\"all\")"));
}
END_TEST

static const char *const wrong_items[] = {
    "",
    "/",
    "x",
    "10.0.0",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8x",
    "10.0.0.0/ 8",
    "::/129",
    "10.0.0.0/99999999999999999999",
    "private ",
    "Private",
    "300.0.0.1",
    "1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111",
};

START_TEST(what_is_no_range_is_refused)
{
    struct aw_strings deny = LIST("10.0.0.0/8", wrong_items[_i]);
    ck_assert_ptr_null(address_rules_new(&nothing, &deny, reason, sizeof(reason)));
    ck_assert_ptr_nonnull(strstr(reason, "settings.deny[1]: "));
}
END_TEST

START_TEST(addresses_are_told_as_people_write_them)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
    char text[ADDRESS_TEXT_BYTES];
    in.sin_addr.s_addr = htonl(0x0a000001);
    in6.sin6_addr = in6addr_loopback;
    ck_assert_str_eq(address_text((struct sockaddr *)&in, text), "10.0.0.1");
    ck_assert_uint_eq(address_port((struct sockaddr *)&in), 80);
    ck_assert_str_eq(address_text((struct sockaddr *)&in6, text), "::1");
    ck_assert_uint_eq(address_port((struct sockaddr *)&in6), 443);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("http_address");
    TCase *all = tcase_create("all");
    tcase_add_test(all, without_rules_all_is_allowed);
    tcase_add_test(all, what_is_neither_ipv4_nor_ipv6_is_never_allowed);
    tcase_add_loop_test(all, private_covers_what_is_not_reachable_from_everywhere, 0,
                        COUNT(private_addresses));
    tcase_add_loop_test(all, private_covers_nothing_else, 0, COUNT(public_addresses));
    tcase_add_test(all, words_name_their_ranges);
    tcase_add_test(all, ranges_end_where_their_bits_do);
    tcase_add_test(all, a_range_of_one_kind_is_not_of_the_other);
    tcase_add_test(all, allow_makes_exceptions_from_deny);
    tcase_add_test(all, allow_without_deny_is_refused);
    tcase_add_loop_test(all, what_is_no_range_is_refused, 0, COUNT(wrong_items));
    tcase_add_test(all, addresses_are_told_as_people_write_them);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
