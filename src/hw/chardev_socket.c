/*
 * chardev_socket.c - a stream socket as a backend: TCP or local, server or client, telnet.
 *
 * Owns the listening socket and the connection. Must not know devices. A server takes one connection at a time; the
 * next waits in the host's queue until that one has ended. A client with RECONNECT tries again from the event loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hw/chardev_impl.h"

/* Telnet (RFC 854, 857, 858). */
#define IAC 255u
#define SB 250u
#define SE 240u
#define BRK 243u
#define WILL 251u
#define DONT 254u
#define OPT_ECHO 1
#define OPT_SGA 3

enum telnet_state { T_DATA, T_IAC, T_OPTION, T_SUB, T_SUB_IAC };

struct sock {
    struct fd_chardev f;                         /* first */
    int listener, fd;                            /* -1: none */
    bool telnet;
    enum telnet_state state;
    bool after_cr;
    struct chardev_socket o;                     /* client with reconnect: where to */
    struct loop_timer again;
};

static size_t telnet_filter(struct fd_chardev *f, uint8_t *buf, size_t len)
{
    struct sock *s = (struct sock *)f;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = buf[i];
        switch (s->state) {
        case T_DATA:
            if (c == IAC)
                s->state = T_IAC;
            else if (!(s->after_cr && (c == 0 || c == '\n')))    /* a line ends in CR NUL or CR LF */
                buf[n++] = c;
            s->after_cr = c == '\r';
            break;
        case T_IAC:
            s->state = c == SB ? T_SUB : c >= WILL && c <= DONT ? T_OPTION : T_DATA;
            if (c == IAC)
                buf[n++] = c;
            else if (c == BRK && f->front.send_break)
                f->front.send_break(f->front.opaque);
            break;
        case T_OPTION: s->state = T_DATA; break;
        case T_SUB: s->state = c == IAC ? T_SUB_IAC : T_SUB; break;
        case T_SUB_IAC: s->state = c == SE ? T_DATA : T_SUB; break;
        }
    }
    return n;
}

static void connected(struct sock *s, int fd)
{
    int one = 1;
    s->fd = fd;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);      /* a local socket refuses: no matter */
    s->state = T_DATA;
    s->after_cr = false;
    chardev_fd_connect(&s->f, fd, fd);
    if (s->telnet) {
        static const uint8_t hello[] = { IAC, WILL, OPT_ECHO, IAC, WILL, OPT_SGA };
        chardev_write(&s->f.c, hello, sizeof hello);
    }
}

static void on_connection(void *opaque, unsigned events)
{
    (void)events;
    struct sock *s = opaque;
    int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    loop_fd_del(s->listener);
    connected(s, fd);
}

static void gone(struct fd_chardev *f)
{
    struct sock *s = (struct sock *)f;
    chardev_fd_disconnect(f);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    if (s->listener >= 0)
        loop_fd_set(s->listener, POLLIN, on_connection, s);
    if (s->o.reconnect)
        loop_timer_arm(&s->again, now_ns() + s->o.reconnect * 1000000000ull);
}

/* ---- addresses ---- */

/* A connection that cannot be made is fatal, or, with RECONNECT, -1. */
static int local_socket(const struct chardev_socket *o)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    if (strlen(o->path) >= sizeof a.sun_path)
        die("%s: too long for the path of a socket", o->path);
    memcpy(a.sun_path, o->path, strlen(o->path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket: %s", strerror(errno));
    if (o->server)
        unlink(o->path);                         /* of an earlier run */
    int r = o->server ? bind(fd, (struct sockaddr *)&a, sizeof a) : connect(fd, (struct sockaddr *)&a, sizeof a);
    if (r < 0 && o->reconnect) {
        close(fd);
        return -1;
    }
    if (r < 0 || (o->server && listen(fd, 1) < 0))
        die("%s: %s", o->path, strerror(errno));
    return fd;
}

static int tcp_socket(const struct chardev_socket *o)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = o->server ? AI_PASSIVE : 0 }, *list;
    const char *host = o->host && *o->host ? o->host : NULL;
    int e = getaddrinfo(host, o->port, &hints, &list);
    if (e && o->reconnect)
        return -1;
    if (e)
        die("%s:%s: %s", host ? host : "", o->port, gai_strerror(e));
    int fd = -1, one = 1, err = 0;
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0) {
            err = errno;
            continue;
        }
        if (o->server)
            (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (o->server ? !bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, 1) : !connect(fd, a->ai_addr, a->ai_addrlen))
            break;
        err = errno;
        close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    if (fd < 0 && !o->reconnect)
        die("cannot %s %s:%s: %s", o->server ? "listen on" : "connect to", host ? host : "", o->port, strerror(err));
    return fd;
}

static void try_again(void *opaque)
{
    struct sock *s = opaque;
    int fd = s->o.path ? local_socket(&s->o) : tcp_socket(&s->o);
    if (fd >= 0 && fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0) {
        connected(s, fd);
        return;
    }
    if (fd >= 0)
        close(fd);
    loop_timer_arm(&s->again, now_ns() + s->o.reconnect * 1000000000ull);
}

struct chardev *chardev_socket(const struct chardev_socket *o)
{
    struct sock *s = xcalloc(1, sizeof *s);
    chardev_fd_init(&s->f, -1, -1);
    const char *server = o->server ? ",server=on" : "";
    s->f.c.filename = o->path ? xasprintf("unix:%s%s", o->path, server)
                              : xasprintf("%s:%s:%s%s", o->telnet ? "telnet" : "tcp", o->host ? o->host : "", o->port, server);
    s->f.gone = gone;
    s->telnet = o->telnet;
    s->f.filter = o->telnet ? telnet_filter : NULL;
    s->fd = s->listener = -1;
    if (!o->server && o->reconnect) {
        s->o = *o;
        loop_timer_init(&s->again, try_again, s);
        try_again(s);
        return &s->f.c;
    }
    int fd = o->path ? local_socket(o) : tcp_socket(o);
    if (o->server) {
        s->listener = fd;
        if (o->wait) {
            fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
            while (fd < 0 && errno == EINTR && !loop_quitting())
                fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
            if (fd < 0)
                die("accept: %s", strerror(errno));
        } else {
            loop_fd_set(s->listener, POLLIN, on_connection, s);
            return &s->f.c;
        }
    }
    if (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
        die("socket: %s", strerror(errno));
    connected(s, fd);
    return &s->f.c;
}
