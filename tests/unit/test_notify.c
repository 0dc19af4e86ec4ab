#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "suite.h"
#include "base/error.h"
#include "supervisor/notify.h"

static struct error error;
static char folder[] = "/tmp/awaitd-test-XXXXXX";
static struct sockaddr_un address;
static socklen_t address_size;

/* Tests run in processes of their own (CK_FORK): descriptors and environment are theirs to change. */
static void set_up(void)
{
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    error.text[0] = '\0';
}

static void tear_down(void)
{
    (void)unlink(address.sun_path);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* A bound socket; '@' in front of an abstract name. */
static int bound(int type, const char *format)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    address = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), format, folder);
    address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address.sun_path));
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, address_size), 0);
    return fd;
}

static void assert_received(int fd, const char *expected)
{
    char text[100];
    ssize_t size = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    ck_assert_int_ge(size, 0);
    text[size] = '\0';
    ck_assert_str_eq(text, expected);
}

/* What systemd would do: the descriptor as number 3, and the variables. */
static void pass(int fd, const char *pid, const char *count)
{
    char own[20];
    (void)snprintf(own, sizeof(own), "%d", (int)getpid());
    if (fd >= 0 && fd != 3)
        ck_assert_int_eq(dup2(fd, 3), 3);
    ck_assert_int_eq(setenv("LISTEN_PID", pid ? pid : own, 1), 0);
    ck_assert_int_eq(setenv("LISTEN_FDS", count, 1), 0);
    ck_assert_int_eq(setenv("LISTEN_FDNAMES", "awaitd.socket", 1), 0);
}

static void assert_environment_is_clean(void)
{
    ck_assert_ptr_null(getenv("LISTEN_PID"));
    ck_assert_ptr_null(getenv("LISTEN_FDS"));
    ck_assert_ptr_null(getenv("LISTEN_FDNAMES"));
}

START_TEST(a_notification_reaches_a_socket_with_a_path)
{
    int fd = bound(SOCK_DGRAM, "%s/notify");
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
    ck_assert_int_eq(notify_send("READY=1\nSTATUS=running", &error), 0);
    assert_received(fd, "READY=1\nSTATUS=running");
}
END_TEST

START_TEST(a_notification_reaches_an_abstract_socket)
{
    char name[100];
    int fd = bound(SOCK_DGRAM, "@%s");
    (void)snprintf(name, sizeof(name), "@%s", folder);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
    ck_assert_int_eq(notify_send("STOPPING=1", &error), 0);
    assert_received(fd, "STOPPING=1");
    address.sun_path[0] = '\0';
}
END_TEST

START_TEST(without_a_socket_nothing_is_sent)
{
    ck_assert_int_eq(unsetenv("NOTIFY_SOCKET"), 0);
    ck_assert_int_eq(notify_send("READY=1", &error), 0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", "", 1), 0);
    ck_assert_int_eq(notify_send("READY=1", &error), 0);
}
END_TEST

START_TEST(a_notify_socket_that_does_not_work_is_told)
{
    char name[200];
    memset(name, 'x', sizeof(name));
    name[0] = '/';
    name[sizeof(name) - 1] = '\0';
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
    ck_assert_int_eq(notify_send("READY=1", &error), -EINVAL);
    ck_assert_str_eq(error.text, "$NOTIFY_SOCKET is too long for a socket");
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", "@", 1), 0);
    ck_assert_int_eq(notify_send("READY=1", &error), -EINVAL);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", "vsock:2:1", 1), 0);
    ck_assert_int_eq(notify_send("READY=1", &error), -EAFNOSUPPORT);
    ck_assert_ptr_nonnull(strstr(error.text, "vsock:2:1"));
    (void)snprintf(name, sizeof(name), "%s/nobody", folder);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
    ck_assert_int_eq(notify_send("READY=1", &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error.text, name));
}
END_TEST

START_TEST(a_listening_stream_socket_is_taken)
{
    int fd = bound(SOCK_STREAM, "%s/listen");
    ck_assert_int_eq(listen(fd, 1), 0);
    pass(fd, NULL, "1");
    ck_assert_int_eq(notify_listen_fd(&error), 3);
    ck_assert_int_eq(fcntl(3, F_GETFD), FD_CLOEXEC);
    ck_assert(fcntl(3, F_GETFL) & O_NONBLOCK);
    assert_environment_is_clean();
    ck_assert_int_eq(notify_listen_fd(&error), -1);
}
END_TEST

START_TEST(nothing_passed_is_nothing_taken)
{
    assert_environment_is_clean();
    ck_assert_int_eq(notify_listen_fd(&error), -1);
    pass(-1, NULL, "0");
    ck_assert_int_eq(notify_listen_fd(&error), -1);
    assert_environment_is_clean();
}
END_TEST

START_TEST(what_was_passed_to_another_process_is_left_alone)
{
    int fd = bound(SOCK_STREAM, "%s/listen");
    ck_assert_int_eq(listen(fd, 1), 0);
    pass(fd, "1", "1");
    ck_assert_int_eq(notify_listen_fd(&error), -1);
    assert_environment_is_clean();
}
END_TEST

static void assert_refused(const char *words)
{
    ck_assert_int_eq(notify_listen_fd(&error), -EINVAL);
    ck_assert_msg(strstr(error.text, words) != NULL, "%s", error.text);
    assert_environment_is_clean();
}

START_TEST(two_sockets_are_refused)
{
    int fd = bound(SOCK_STREAM, "%s/listen");
    ck_assert_int_eq(listen(fd, 1), 0);
    pass(fd, NULL, "2");
    assert_refused("systemd passed 2 sockets; awaitd wants one");
}
END_TEST

START_TEST(what_is_no_listening_stream_socket_is_refused)
{
    int pair[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int fd = bound(SOCK_STREAM, "%s/listen");
    pass(fd, NULL, "1");
    assert_refused("no listening Unix stream socket"); /* bound, but it does not listen */
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pass(pair[0], NULL, "1");
    assert_refused("no listening Unix stream socket");
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    pass(pair[0], NULL, "1");
    assert_refused("no listening Unix stream socket");
    fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    pass(fd, NULL, "1");
    assert_refused("no listening Unix stream socket");
    pass(null, NULL, "1");
    assert_refused("no listening Unix stream socket");
    ck_assert_int_eq(close(3), 0);
    pass(-1, NULL, "1");
    assert_refused("no listening Unix stream socket");
}
END_TEST

START_TEST(variables_that_are_no_numbers_are_refused)
{
    pass(-1, NULL, "one");
    assert_refused("$LISTEN_FDS is no number: \"one\"");
    pass(-1, NULL, "-1");
    assert_refused("$LISTEN_FDS is no number: \"-1\"");
    pass(-1, "me", "1");
    assert_refused("$LISTEN_PID is no process number: \"me\"");
    pass(-1, NULL, "99999999999999999999");
    assert_refused("$LISTEN_FDS");
}
END_TEST

int main(void)
{
    /* Keeps number 3 for the tests: Check would have its own file there. */
    int reserved = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (reserved < 0 || dup2(reserved, 3) < 0)
        return 99; /* automake: the test cannot even begin */

    Suite *suite = suite_create("notify");
    TCase *tests = tcase_create("notify");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_notification_reaches_a_socket_with_a_path);
    tcase_add_test(tests, a_notification_reaches_an_abstract_socket);
    tcase_add_test(tests, without_a_socket_nothing_is_sent);
    tcase_add_test(tests, a_notify_socket_that_does_not_work_is_told);
    tcase_add_test(tests, a_listening_stream_socket_is_taken);
    tcase_add_test(tests, nothing_passed_is_nothing_taken);
    tcase_add_test(tests, what_was_passed_to_another_process_is_left_alone);
    tcase_add_test(tests, two_sockets_are_refused);
    tcase_add_test(tests, what_is_no_listening_stream_socket_is_refused);
    tcase_add_test(tests, variables_that_are_no_numbers_are_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
