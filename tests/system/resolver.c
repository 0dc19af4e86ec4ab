/*
 * For LD_PRELOAD: a resolver of names that asks no network and does what a test wants.
 *
 *     slow.test    takes as long as the test likes: it opens the FIFO $RESOLVER_ASKED, so that the test knows that it was
 *                  asked, and answers 127.0.0.1 when somebody opens the FIFO $RESOLVER_ANSWERS
 *     two.test     has two addresses, 127.0.0.2 and 127.0.0.1
 *     down.test    cannot be resolved for the time being
 *
 * There are no other names. Addresses in digits are left to the system.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int resolver(const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo **result);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    resolver *real = (resolver *)dlsym(RTLD_NEXT, "getaddrinfo");
    if (!hints || hints->ai_flags & AI_NUMERICHOST)
        return real(node, service, hints, result);
    if (strcmp(node, "down.test") == 0)
        return EAI_AGAIN;
    if (strcmp(node, "two.test") == 0) {
        int status = real("127.0.0.2", service, hints, result);
        return status != 0 ? status : real("127.0.0.1", service, hints, &(*result)->ai_next);
    }
    if (strcmp(node, "slow.test") != 0)
        return EAI_NONAME;
    close(open(getenv("RESOLVER_ASKED"), O_WRONLY));   /* waits for a reader */
    close(open(getenv("RESOLVER_ANSWERS"), O_RDONLY)); /* waits for a writer */
    return real("127.0.0.1", service, hints, result);
}
