/*
 * net_user.c - user networking: libslirp, and the thread that waits for its sockets.
 *
 * Owns the Slirp object. Must not know the card. libslirp is called with the machine lock held only; its thread gives the
 * lock up while it waits.
 */
#include "hw/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libslirp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"

#define MAX_POLL_MS 1000u

struct user_net {
    struct netdev n;                             /* first */
    Slirp *slirp;
    int wake_fd;
    bool waiting, woken;                         /* the thread is in poll(); it has been told to look again */
    struct pollfd *fds;
    unsigned n_fds, room;
    struct net_user_options o;
    struct in_addr network;
    struct user_net *next;
};

static struct user_net *all;
static bool paused;

struct user_timer {
    struct loop_timer t;                         /* first */
    SlirpTimerCb cb;
    void *opaque;
    struct user_net *u;
};

/* ---- what libslirp asks of us ---- */

static ssize_t to_guest(const void *buf, size_t len, void *opaque)
{
    struct user_net *u = opaque;
    /* A card without room loses the frame, as on a wire; TCP sends it again. */
    if (u->n.receive && len <= NET_MAX_FRAME)
        u->n.receive(u->n.card, buf, len);
    return (ssize_t)len;
}

static void guest_error(const char *msg, void *opaque)
{
    (void)opaque;
    log_to(guest_errors, "user network: %s\n", msg);
}

static int64_t clock_ns(void *opaque)
{
    (void)opaque;
    return (int64_t)now_ns();
}

/* libslirp has come to the end of something in which it may have sent frames. */
static void settle(struct user_net *u)
{
    if (u->n.received)
        u->n.received(u->n.card);
}

static void timer_due(void *opaque)
{
    struct user_timer *t = opaque;
    t->cb(t->opaque);
    settle(t->u);
}

static void *timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
    struct user_timer *t = xcalloc(1, sizeof *t);
    t->u = opaque;
    loop_timer_init(&t->t, timer_due, t);
    t->cb = cb;
    t->opaque = cb_opaque;
    return t;
}

static void timer_free(void *timer, void *opaque)
{
    (void)opaque;
    loop_timer_cancel(timer);
    free(timer);
}

static void timer_mod(void *timer, int64_t ms, void *opaque)
{
    (void)opaque;
    loop_timer_arm(timer, ms <= 0 ? 0 : (uint64_t)ms * 1000000);
}

static void poll_fd(int fd, void *opaque) { (void)fd, (void)opaque; }

/* New work for the thread: its set of descriptors has changed. */
static void notify(void *opaque)
{
    struct user_net *u = opaque;
    uint64_t one = 1;
    if (!u->waiting || u->woken)
        return;
    u->woken = true;
    if (write(u->wake_fd, &one, sizeof one) < 0)
        bug("user network: eventfd: %s", strerror(errno));
}

static const SlirpCb callbacks = {
    .send_packet = to_guest, .guest_error = guest_error, .clock_get_ns = clock_ns, .timer_new = timer_new,
    .timer_free = timer_free, .timer_mod = timer_mod, .register_poll_fd = poll_fd, .unregister_poll_fd = poll_fd,
    .notify = notify,
};

static void from_guest(struct netdev *n, const uint8_t *frame, size_t len)
{
    struct user_net *u = (struct user_net *)n;
    slirp_input(u->slirp, frame, (int)len);
    settle(u);
    notify(u);
}

/* ---- the thread ---- */

static int add_poll(int fd, int events, void *opaque)
{
    struct user_net *u = opaque;
    if (u->n_fds == u->room) {
        unsigned room = u->room ? 2 * u->room : 64;
        struct pollfd *p = realloc(u->fds, room * sizeof *p);
        if (!p)
            die("out of memory");
        u->fds = p;
        u->room = room;
    }
    short ev = 0;
    ev |= events & SLIRP_POLL_IN ? POLLIN : 0;
    ev |= events & SLIRP_POLL_OUT ? POLLOUT : 0;
    ev |= events & SLIRP_POLL_PRI ? POLLPRI : 0;
    u->fds[u->n_fds] = (struct pollfd){ .fd = fd, .events = ev };
    return (int)u->n_fds++;
}

static int poll_result(int i, void *opaque)
{
    const struct user_net *u = opaque;
    if (i < 0 || (unsigned)i >= u->n_fds)
        return 0;
    short r = u->fds[i].revents;
    return (r & POLLIN ? SLIRP_POLL_IN : 0) | (r & POLLOUT ? SLIRP_POLL_OUT : 0) | (r & POLLPRI ? SLIRP_POLL_PRI : 0) |
           (r & POLLERR ? SLIRP_POLL_ERR : 0) | (r & POLLHUP ? SLIRP_POLL_HUP : 0);
}

static void *net_thread(void *arg)
{
    struct user_net *u = arg;
    machine_lock();
    for (;;) {
        uint32_t ms = MAX_POLL_MS;
        u->n_fds = 0;
        (void)add_poll(u->wake_fd, SLIRP_POLL_IN, u);
        bool quiet = paused;
        if (!quiet)
            slirp_pollfds_fill(u->slirp, &ms, add_poll, u);
        u->waiting = true;
        machine_unlock();
        int n = poll(u->fds, u->n_fds, (int)MIN(ms, MAX_POLL_MS));
        machine_lock();
        u->waiting = false;
        if (u->woken) {
            uint64_t v;
            u->woken = false;
            if (read(u->wake_fd, &v, sizeof v) < 0 && errno != EAGAIN)
                bug("user network: eventfd: %s", strerror(errno));
        }
        if (!quiet && !paused)
            slirp_pollfds_poll(u->slirp, n < 0, poll_result, u);
        settle(u);
    }
    return NULL;
}

void net_user_pause(bool on)
{
    paused = on;
    for (struct user_net *u = all; u && !on; u = u->next)
        notify(u);
}

/* ---- options ---- */

static struct in_addr address(const char *what, const char *s)
{
    struct in_addr a;
    if (inet_pton(AF_INET, s, &a) != 1)
        die("-netdev user: %s=%s: not an IPv4 address", what, s);
    return a;
}

static void network(SlirpConfig *c, const struct net_user_options *o)
{
    uint32_t net = 0x0a000200, mask = 0xffffff00;
    if (o->net) {
        char *s = xasprintf("%s", o->net), *slash = strchr(s, '/'), *end = NULL;
        if (slash)
            *slash++ = 0;
        net = ntohl(address("net", s).s_addr);
        if (slash && strchr(slash, '.')) {
            mask = ntohl(address("net", slash).s_addr);
        } else if (slash) {
            unsigned long n = strtoul(slash, &end, 10);
            if (!*slash || *end || n < 4 || n > 29)
                die("-netdev user: net=%s: the prefix must be from 4 to 29", o->net);
            mask = ~0u << (32 - n);
        }
        free(s);
        net &= mask;
    }
    c->vnetwork.s_addr = htonl(net);
    c->vnetmask.s_addr = htonl(mask);
    c->vhost = o->host ? address("host", o->host) : (struct in_addr){ htonl(net | 2) };
    c->vnameserver = o->dns ? address("dns", o->dns) : (struct in_addr){ htonl(net | 3) };
    c->vdhcp_start = o->dhcpstart ? address("dhcpstart", o->dhcpstart) : (struct in_addr){ htonl(net | 15) };
}

static struct in6_addr address6(const char *what, const char *s)
{
    struct in6_addr a;
    if (inet_pton(AF_INET6, s, &a) != 1)
        die("-netdev user: %s=%s: not an IPv6 address", what, s);
    return a;
}

/* The network, and in it the router at ::2 and the name server at ::3, unless the user says otherwise. */
static void network6(SlirpConfig *c, const struct net_user_options *o)
{
    char *s = xasprintf("%s", o->net6 ? o->net6 : "fec0::/64"), *slash = strchr(s, '/'), *end = NULL;
    unsigned long len = 64;
    if (slash) {
        *slash++ = 0;
        len = strtoul(slash, &end, 10);
        if (!*slash || *end || len > 126)
            die("-netdev user: ipv6-net=%s: the prefix must be from 0 to 126", o->net6);
    }
    c->vprefix_addr6 = c->vhost6 = c->vnameserver6 = address6("ipv6-net", s);
    c->vprefix_len = (uint8_t)len;
    c->vhost6.s6_addr[15] |= 2;
    c->vnameserver6.s6_addr[15] |= 3;
    if (o->host6)
        c->vhost6 = address6("ipv6-host", o->host6);
    if (o->dns6)
        c->vnameserver6 = address6("ipv6-dns", o->dns6);
    free(s);
}

static bool parse_port(const char *s, uint16_t *port)
{
    char *end;
    unsigned long v = strtoul(s, &end, 10);
    *port = (uint16_t)v;
    return *s && !*end && v <= 65535;
}

union end {
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* "[ADDR]:PORT", an IPv6 address in brackets, in S, which is cut up. Without an address it is 0.0.0.0. */
static bool parse_address(char *s, union end *e)
{
    uint16_t port;
    *e = (union end){ .v4 = { .sin_family = AF_INET } };
    char *p = *s == '[' ? strstr(s, "]:") : strchr(s, ':');
    if (!p)
        return false;
    bool v6 = *p == ']';
    *p++ = 0;
    if (!parse_port(p + v6, &port))
        return false;
    if (v6) {
        e->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
        return inet_pton(AF_INET6, s + 1, &e->v6.sin6_addr) == 1;
    }
    e->v4.sin_port = htons(port);
    return !*s || inet_pton(AF_INET, s, &e->v4.sin_addr) == 1;
}

/* "[tcp|udp]:[ADDR]:PORT" in S, which is cut up. */
static bool parse_end(char *s, bool *udp, union end *e)
{
    char *a = strchr(s, ':');
    if (!a)
        return false;
    *a++ = 0;
    *udp = !strcmp(s, "udp");
    return (!*s || *udp || !strcmp(s, "tcp")) && parse_address(a, e);
}

static socklen_t end_size(const union end *e) { return e->sa.sa_family == AF_INET ? sizeof e->v4 : sizeof e->v6; }

char *net_user_forward(struct netdev *n, const char *rule)
{
    struct user_net *u = (struct user_net *)n;
    char *s = xasprintf("%s", rule), *dash = strchr(s, '-');
    union end host, guest;
    bool udp, ok = false;
    if (dash) {
        *dash++ = 0;
        /* Ports are at the same place in both kinds of address. */
        ok = parse_end(s, &udp, &host) && parse_address(dash, &guest) && guest.v4.sin_port;
    }
    /* Without an address the guest is the one of the host end's kind. */
    if (ok && guest.sa.sa_family != host.sa.sa_family) {
        ok = guest.sa.sa_family == AF_INET && !guest.v4.sin_addr.s_addr;
        guest.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = guest.v4.sin_port };
    }
    free(s);
    if (!ok)
        return xasprintf("hostfwd=%s: want [tcp|udp]:[HOSTADDR]:HOSTPORT-[GUESTADDR]:GUESTPORT", rule);
    if (slirp_add_hostxfwd(u->slirp, &host.sa, end_size(&host), &guest.sa, end_size(&guest), udp ? SLIRP_HOSTFWD_UDP : 0) < 0)
        return xasprintf("hostfwd=%s: cannot listen there: %s", rule, strerror(errno));
    notify(u);
    return NULL;
}

char *net_user_unforward(struct netdev *n, const char *rule)
{
    struct user_net *u = (struct user_net *)n;
    char *s = xasprintf("%s", rule);
    union end host;
    bool udp, ok = parse_end(s, &udp, &host);
    free(s);
    if (!ok)
        return xasprintf("invalid format: want [tcp|udp]:[HOSTADDR]:HOSTPORT");
    if (slirp_remove_hostxfwd(u->slirp, &host.sa, end_size(&host), udp ? SLIRP_HOSTFWD_UDP : 0) < 0)
        return xasprintf("host forwarding rule for %s not found", rule);
    notify(u);
    return NULL;
}

/* "[tcp]:SERVER:PORT-cmd:COMMAND": a program for each connection to that address. */
static void guest_forward(Slirp *slirp, const char *rule)
{
    char *s = xasprintf("%s", rule), *dash = strchr(s, '-');
    char *a = strchr(s, ':'), *b = a ? strchr(a + 1, ':') : NULL;
    uint16_t port;
    if (!a || !b || !dash || dash < b || strncmp(dash + 1, "cmd:", 4))
        die("-netdev user: guestfwd=%s: want [tcp]:SERVER:PORT-cmd:COMMAND", rule);
    *a++ = *b++ = *dash++ = 0;
    if (!parse_port(b, &port) || (*s && strcmp(s, "tcp")))
        die("-netdev user: guestfwd=%s: want [tcp]:SERVER:PORT-cmd:COMMAND", rule);
    struct in_addr server = address("guestfwd", a);
    if (slirp_add_exec(slirp, dash + 4, &server, port) < 0)
        die("-netdev user: guestfwd=%s: not an address of the guest's network, or in use", rule);
    free(s);
}

struct netdev *net_user_new(const struct net_user_options *o)
{
    SlirpConfig c = {
        .version = 3, .restricted = o->restricted, .in_enabled = !o->no_ipv4, .in6_enabled = !o->no_ipv6,
        .vhostname = o->hostname, .vdomainname = o->domain, .tftp_path = o->tftp, .bootfile = o->bootfile,
        .tftp_server_name = o->tftp_name, .vdnssearch = o->n_dnssearch ? (const char **)(uintptr_t)o->dnssearch : NULL,
    };
    network(&c, o);
    network6(&c, o);

    struct user_net *u = xcalloc(1, sizeof *u), **last = &all;
    while (*last)
        last = &(*last)->next;
    *last = u;
    u->o = *o;
    u->network = c.vnetwork;
    u->n.send = from_guest;
    u->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (u->wake_fd < 0)
        die("user network: %s", strerror(errno));
    u->slirp = slirp_new(&c, &callbacks, u);
    if (!u->slirp)
        die("-netdev user: libslirp does not accept these addresses");
    for (unsigned i = 0; i < o->n_hostfwd; i++) {
        char *e = net_user_forward(&u->n, o->hostfwd[i]);
        if (e)
            die("-netdev user: %s", e);
    }
    for (unsigned i = 0; i < o->n_guestfwd; i++)
        guest_forward(u->slirp, o->guestfwd[i]);

    sigset_t all, old;
    pthread_t t;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);      /* signals are the main thread's */
    if (pthread_create(&t, NULL, net_thread, u))
        die("cannot start a thread for the network");
    pthread_detach(t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return &u->n;
}

/* ---- for monitors ---- */

struct netdev *net_user_find(const char *id)
{
    for (struct user_net *u = all; u; u = u->next)
        if (!id || (u->n.id && !strcmp(u->n.id, id)))
            return &u->n;
    return NULL;
}

struct netdev *net_user_nth(unsigned n)
{
    struct user_net *u = all;
    while (u && n--)
        u = u->next;
    return u ? &u->n : NULL;
}

char *net_user_connections(struct netdev *n)
{
    return slirp_connection_info(((struct user_net *)n)->slirp);
}

char *net_user_describe(const struct netdev *n)
{
    const struct user_net *u = (const struct user_net *)n;
    char text[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &u->network, text, sizeof text);
    return xasprintf("net=%s,restrict=%s", text, u->o.restricted ? "on" : "off");
}
