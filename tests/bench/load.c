/*
 * A client that costs little, so that what bench.py measures is the daemon: submits waits over one
 * connection, reads what comes back, and prints one line of JSON. Built and run by bench.py; relies
 * on libc alone and on the daemon ending each message with a newline.
 *
 *     load [OPTION...] SOCKET FOLLOW array COUNT SECONDS     one entry that stands for COUNT jobs
 *     load [OPTION...] SOCKET FOLLOW distinct COUNT SECONDS  COUNT entries that differ, by open, add, seal
 *     load [OPTION...] SOCKET FOLLOW single COUNT SECONDS    COUNT batches of one job, one after the other
 *
 *     -c CLIENTS   single: so many connections at once, each with COUNT batches
 *     -d           batches may die with the daemon
 *     -n           array, distinct: ends when all is submitted
 *
 * FOLLOW is each or summary. Times are in seconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define IN_BYTES (1u << 20)  /* read at once; any line is far shorter */
#define OUT_BYTES (1u << 20) /* the daemon's default limit on a request is 1 MiB */
#define ENTRY_BYTES 128      /* more than one entry takes */
#define CLIENTS_MAX 512      /* below the usual 1024 descriptors, and the daemon's limits */

struct samples {
    double *values;
    size_t count, room;
};

struct client {
    int fd;
    char *in, *out;
    size_t in_used, out_used, out_sent;
    const char *follow;
    const char *terms; /* what is said of each batch beside its jobs, a comma behind it */

    uint64_t batch;      /* as answered; 0: not yet */
    uint64_t unanswered; /* requests */
    bool done;           /* batch.done came */
    char summary[1024];  /* its line */
    struct samples late; /* run minus what was asked for, per job.done */
    struct samples all;  /* queued + run minus what was asked for */
    double seconds;      /* what was asked for */
    double began;        /* single: when the batch under way was submitted */
    uint64_t left;       /* single: batches still to be submitted */
};

static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    exit(1);
}

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (!memory)
        die("out of memory");
    return memory;
}

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time); /* cannot fail */
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void sample(struct samples *samples, double value)
{
    if (samples->count == samples->room) {
        samples->room = samples->room ? 2 * samples->room : 1024;
        samples->values = realloc(samples->values, samples->room * sizeof(double));
        if (!samples->values)
            die("out of memory");
    }
    samples->values[samples->count++] = value;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_samples(const char *name, struct samples *samples)
{
    if (samples->count == 0)
        return;
    qsort(samples->values, samples->count, sizeof(double), compare);
    size_t last = samples->count - 1;
    (void)printf(", \"%s\": {\"p50\": %.9f, \"p99\": %.9f, \"max\": %.9f}", name,
                 samples->values[last / 2], samples->values[(size_t)((double)last * 0.99)],
                 samples->values[last]);
}

static void client_open(struct client *client, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        die("%s: too long", path);
    (void)memcpy(address.sun_path, path, strlen(path) + 1);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        die("%s: %s", path, strerror(errno));
    if (fcntl(client->fd, F_SETFL, O_NONBLOCK) < 0)
        die("fcntl: %s", strerror(errno));
    client->in = allocate(IN_BYTES + 1);
    client->out = allocate(OUT_BYTES);
}

static void put(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void put(struct client *client, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = OUT_BYTES - client->out_used;
    int size = vsnprintf(client->out + client->out_used, room, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= room)
        die("a request is too long");
    client->out_used += (size_t)size;
}

/* The number after "key": in the line, which ends with a NUL. */
static double number_after(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    if (!at)
        die("no %s in: %s", key, line);
    return strtod(at + strlen(key), NULL);
}

static void on_line(struct client *client, const char *line, size_t size)
{
    if (strstr(line, "\"job.done\"")) {
        double run = number_after(line, "\"run\":");
        sample(&client->late, run - client->seconds);
        sample(&client->all, number_after(line, "\"queued\":") + run - client->seconds);
    } else if (strstr(line, "\"batch.done\"")) {
        client->done = true;
        if (size >= sizeof(client->summary))
            size = sizeof(client->summary) - 1;
        (void)memcpy(client->summary, line, size);
        client->summary[size] = '\0';
    } else if (strstr(line, "\"result\"")) {
        client->batch = (uint64_t)number_after(line, "\"batch\":");
        client->unanswered--;
    } else {
        die("refused: %s", line);
    }
}

static void take_lines(struct client *client)
{
    char *line = client->in, *end = client->in + client->in_used, *newline;
    while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
        *newline = '\0';
        on_line(client, line, (size_t)(newline - line));
        line = newline + 1;
    }
    client->in_used = (size_t)(end - line);
    (void)memmove(client->in, line, client->in_used);
}

/* Writes and reads what it can. */
static void serve(struct client *client, short events)
{
    if (events & POLLOUT) {
        ssize_t size = send(client->fd, client->out + client->out_sent,
                            client->out_used - client->out_sent, MSG_NOSIGNAL);
        if (size < 0 && errno != EAGAIN)
            die("send: %s", strerror(errno));
        if (size > 0)
            client->out_sent += (size_t)size;
        if (client->out_sent == client->out_used)
            client->out_sent = client->out_used = 0;
    }
    if (events & (POLLIN | POLLHUP)) {
        ssize_t size =
            recv(client->fd, client->in + client->in_used, IN_BYTES - client->in_used, 0);
        if (size == 0 || (size < 0 && errno != EAGAIN))
            die("the daemon is gone");
        if (size > 0)
            client->in_used += (size_t)size;
        take_lines(client);
    }
}

/* Waits once for the sockets, and serves them. */
static void turn_all(struct client *clients, size_t count)
{
    struct pollfd waits[CLIENTS_MAX];
    for (size_t i = 0; i < count; i++) {
        waits[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
        if (clients[i].out_sent < clients[i].out_used)
            waits[i].events |= POLLOUT;
    }
    if (poll(waits, count, -1) < 0)
        die("poll: %s", strerror(errno));
    for (size_t i = 0; i < count; i++) {
        if (waits[i].revents)
            serve(&clients[i], waits[i].revents);
    }
}

static void turn(struct client *client)
{
    turn_all(client, 1);
}

static void begin_request(struct client *client, const char *method)
{
    client->unanswered++;
    put(client, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{", method);
}

static void submit_array(struct client *client, uint64_t count)
{
    begin_request(client, "batch.submit");
    put(client,
        "%s\"jobs\":[{\"plugin\":\"wait\",\"params\":{\"seconds\":%.12g},\"count\":%ju}],"
        "\"follow\":\"%s\"}}\n",
        client->terms, client->seconds, (uintmax_t)count, client->follow);
}

/* As many entries as fit into one request. Their waits differ by a picosecond each: other texts, no
 * other time. */
static uint64_t add_entries(struct client *client, uint64_t next, uint64_t count)
{
    begin_request(client, "batch.add");
    put(client, "\"batch\":%ju,\"jobs\":[", (uintmax_t)client->batch);
    const char *comma = "";
    while (next < count && OUT_BYTES - client->out_used > 2 * ENTRY_BYTES) {
        put(client, "%s{\"plugin\":\"wait\",\"params\":{\"seconds\":%.14f},\"name\":\"n-%ju\"}",
            comma, client->seconds + 1e-12 * (double)next, (uintmax_t)next);
        next++;
        comma = ",";
    }
    put(client, "]}}\n");
    return next;
}

static void submit_distinct(struct client *client, uint64_t count)
{
    begin_request(client, "batch.open");
    put(client, "%s\"follow\":\"%s\"}}\n", client->terms, client->follow);
    while (client->batch == 0)
        turn(client);
    uint64_t next = 0;
    while (next < count) {
        if (client->out_used == 0)
            next = add_entries(client, next, count);
        turn(client);
    }
    while (client->out_used != 0)
        turn(client);
    begin_request(client, "batch.seal");
    put(client, "\"batch\":%ju}}\n", (uintmax_t)client->batch);
}

static void run_to_end(struct client *client)
{
    while (!client->done)
        turn(client);
}

static void run_to_answer(struct client *client)
{
    while (client->unanswered > 0)
        turn(client);
}

/* Notes how long the batch under way has taken, if it is done, and submits the next one; false: none is left. */
static bool go_on(struct client *client, struct samples *latency)
{
    if (client->began > 0 && !client->done)
        return true;
    if (client->began > 0)
        sample(latency, now() - client->began);
    if (client->left == 0)
        return false;
    client->left--;
    client->done = false;
    client->began = now();
    submit_array(client, 1);
    return true;
}

static void run_singles(struct client *clients, size_t count)
{
    struct samples latency = {0};
    for (size_t running = count; running > 0;) {
        for (size_t i = 0; i < running;) {
            if (go_on(&clients[i], &latency)) {
                i++;
                continue;
            }
            struct client over = clients[i]; /* keeps its place behind those that are not */
            clients[i] = clients[--running];
            clients[running] = over;
        }
        if (running > 0)
            turn_all(clients, running);
    }
    print_samples("latency", &latency);
    free(latency.values);
}

static void run_large(struct client *client, const char *kind, uint64_t count, bool to_end)
{
    if (strcmp(kind, "array") == 0)
        submit_array(client, count);
    else
        submit_distinct(client, count);
    if (to_end)
        run_to_end(client);
    else
        run_to_answer(client);
}

int main(int argc, char **argv)
{
    size_t clients_count = 1;
    const char *terms = "";
    bool to_end = true;
    for (int option; (option = getopt(argc, argv, "c:dn")) != -1;) {
        if (option == 'c')
            clients_count = strtoul(optarg, NULL, 10);
        else if (option == 'd')
            terms = "\"durable\":false,";
        else if (option == 'n')
            to_end = false;
        else
            die("see load.c");
    }
    argv += optind;
    if (argc - optind != 5 || clients_count == 0 || clients_count > CLIENTS_MAX)
        die("usage: load [OPTION...] SOCKET each|summary array|distinct|single COUNT SECONDS");
    static struct client clients[CLIENTS_MAX];
    uint64_t count = strtoull(argv[3], NULL, 10);
    for (size_t i = 0; i < clients_count; i++) {
        clients[i] = (struct client){
            .follow = argv[1], .terms = terms, .seconds = strtod(argv[4], NULL), .left = count};
        client_open(&clients[i], argv[0]);
    }

    double begin = now();
    (void)printf("{\"count\": %ju", (uintmax_t)count);
    if (strcmp(argv[2], "single") == 0)
        run_singles(clients, clients_count);
    else
        run_large(&clients[0], argv[2], count, to_end);
    double wall = now() - begin;

    print_samples("late", &clients[0].late);
    print_samples("all", &clients[0].all);
    (void)printf(", \"wall\": %.9f, \"events\": %zu, \"last\": %s}\n", wall, clients[0].late.count,
                 *clients[0].summary ? clients[0].summary : "null");
    return 0; /* what it has, the kernel takes back */
}
