/*
 * For LD_PRELOAD: a resolver that takes as long as a test wants. Each lookup of a name opens the FIFO $RESOLVER_ASKED,
 * so that the test knows, and goes on when somebody opens the FIFO $RESOLVER_ANSWERS.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

typedef int resolver(const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo **result);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    resolver *real = (resolver *)dlsym(RTLD_NEXT, "getaddrinfo");
    if (!hints || !(hints->ai_flags & AI_NUMERICHOST)) {
        close(open(getenv("RESOLVER_ASKED"), O_WRONLY));   /* waits for a reader */
        close(open(getenv("RESOLVER_ANSWERS"), O_RDONLY)); /* waits for a writer */
    }
    return real(node, service, hints, result);
}
