/*
 * chardev.c - backends on host descriptors: stdio, file, null; and the host terminal's mode.
 *
 * Owns the descriptors and their output buffers. Must not know devices.
 *
 * The descriptors stay blocking, because O_NONBLOCK on a terminal would be shared with the shell that started us:
 * poll() is asked before each read and write instead. Output is gathered for up to a millisecond, so that a guest
 * that prints byte by byte does not pay a system call for each.
 */
#include "hw/chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/loop.h"
#include "hw/chardev_impl.h"

#define OUT_SIZE 65536u
#define OUT_FLUSH 2048u                          /* write without waiting for the timer from here */
#define OUT_CHUNK 512u                           /* at most this much is written after one POLLOUT: below PIPE_BUF */
#define OUT_DELAY 1000000u                       /* ns */

struct fd_chardev {
    struct chardev c;                            /* first */
    int in, out;                                 /* -1: none */
    bool in_watched, out_watched, dead;          /* dead: the reader of our output has gone */
    struct chardev_front front;
    struct loop_timer flush;
    size_t used;
    uint8_t buf[OUT_SIZE];
    struct fd_chardev *next;
};

static struct fd_chardev *all;                   /* for the flush at exit */

/* ---- the terminal's mode ---- */

static struct {
    struct termios saved, raw;
    volatile sig_atomic_t active;
} tty;

void chardev_restore_terminal(void)
{
    if (tty.active) {
        tty.active = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &tty.saved);
    }
}

static void on_fatal(int sig)
{
    chardev_restore_terminal();
    /* SA_RESETHAND has put the default back: the signal ends us when the handler returns. */
    raise(sig);
}

static void on_continue(int sig)
{
    (void)sig;
    int e = errno;
    if (tty.active)
        tcsetattr(STDIN_FILENO, TCSANOW, &tty.raw);
    errno = e;
}

static void make_raw(bool signals)
{
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &tty.saved) < 0)
        return;
    tty.raw = tty.saved;
    cfmakeraw(&tty.raw);
    tty.raw.c_oflag |= OPOST;                    /* our own messages end in \n only */
    if (signals)
        tty.raw.c_lflag |= ISIG;
    tty.active = 1;
    static const int fatal[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT };
    struct sigaction sa = { .sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND };
    for (size_t i = 0; i < ARRAY_LEN(fatal); i++) {
        struct sigaction old;
        /* A handler that is there already, or an ignored signal, stays. */
        if (sigaction(fatal[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(fatal[i], &sa, NULL);
    }
    struct sigaction cont = { .sa_handler = on_continue, .sa_flags = SA_RESTART };
    sigaction(SIGCONT, &cont, NULL);
    atexit(chardev_restore_terminal);
    tcsetattr(STDIN_FILENO, TCSANOW, &tty.raw);
}

/* ---- output ---- */

static bool ready(int fd, short events, int timeout)
{
    struct pollfd p = { .fd = fd, .events = events };
    int n;
    do
        n = poll(&p, 1, timeout);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

/* Write what is buffered; WAIT until all of it has gone, else what the host takes now. */
static void write_out(struct fd_chardev *f, bool wait)
{
    size_t done = 0;
    while (done < f->used && !f->dead && ready(f->out, POLLOUT, wait ? -1 : 0)) {
        ssize_t n = write(f->out, f->buf + done, MIN(f->used - done, OUT_CHUNK));
        if (n > 0)
            done += (size_t)n;
        else if (n < 0 && errno != EINTR && errno != EAGAIN)
            f->dead = true;
    }
    if (f->dead)
        done = f->used;
    f->used -= done;
    memmove(f->buf, f->buf + done, f->used);
}

static void out_ready(void *opaque, unsigned events);

static void flush(struct fd_chardev *f)
{
    write_out(f, false);
    bool want = f->used != 0;
    if (want && !f->out_watched)
        loop_fd_set(f->out, POLLOUT, out_ready, f);
    else if (!want && f->out_watched)
        loop_fd_del(f->out);
    f->out_watched = want;
}

static void out_ready(void *opaque, unsigned events)
{
    (void)events;
    flush(opaque);
}

static void flush_due(void *opaque)
{
    flush(opaque);
}

static void fd_write(struct chardev *c, const uint8_t *buf, size_t len)
{
    struct fd_chardev *f = (struct fd_chardev *)c;
    if (f->out < 0)
        return;
    while (len && !f->dead) {
        if (f->used == OUT_SIZE)
            write_out(f, true);
        size_t n = MIN(len, OUT_SIZE - f->used);
        memcpy(f->buf + f->used, buf, n);
        f->used += n;
        buf += n;
        len -= n;
    }
    if (!f->used)
        return;
    if (f->used >= OUT_FLUSH && !f->out_watched)
        flush(f);
    else if (f->flush.deadline == UINT64_MAX)
        loop_timer_arm(&f->flush, now_ns() + OUT_DELAY);
}

void chardev_flush_all(void)
{
    for (struct fd_chardev *f = all; f; f = f->next)
        if (f->out >= 0)
            write_out(f, true);
}

/* ---- input ---- */

static void in_ready(void *opaque, unsigned events);

static void fd_accept_input(struct chardev *c)
{
    struct fd_chardev *f = (struct fd_chardev *)c;
    if (f->in < 0 || f->in_watched || !f->front.can_receive || !f->front.can_receive(f->front.opaque))
        return;
    f->in_watched = true;
    loop_fd_set(f->in, POLLIN, in_ready, f);
}

static void in_ready(void *opaque, unsigned events)
{
    (void)events;
    struct fd_chardev *f = opaque;
    uint8_t buf[4096];
    size_t room = f->front.can_receive(f->front.opaque);
    if (!room) {
        /* Not watched at all: a hung-up pipe would otherwise wake us for ever. */
        loop_fd_del(f->in);
        f->in_watched = false;
        return;
    }
    if (!ready(f->in, POLLIN, 0))
        return;
    ssize_t n = read(f->in, buf, MIN(room, sizeof buf));
    if (n > 0) {
        f->front.receive(f->front.opaque, buf, (size_t)n);
        return;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    loop_fd_del(f->in);                          /* end of input */
    f->in_watched = false;
    f->in = -1;
}

static void fd_attach(struct chardev *c, const struct chardev_front *front)
{
    struct fd_chardev *f = (struct fd_chardev *)c;
    if (f->front.can_receive)
        die("a character device can have only one front end: use a multiplexed one (mon:...)");
    f->front = *front;
    fd_accept_input(c);
}

static const struct chardev_ops fd_ops = { fd_attach, fd_write, fd_accept_input };

static struct chardev *new_fd(int in, int out)
{
    struct fd_chardev *f = xcalloc(1, sizeof *f);
    f->c.ops = &fd_ops;
    f->in = in;
    f->out = out;
    loop_timer_init(&f->flush, flush_due, f);
    if (!all)
        atexit(chardev_flush_all);
    f->next = all;
    all = f;
    return &f->c;
}

/* ---- creation ---- */

struct chardev *chardev_stdio(bool signals)
{
    static bool taken;
    if (taken)
        die("stdio is used by two character devices: use -serial mon:stdio to share it");
    taken = true;
    signal(SIGPIPE, SIG_IGN);
    make_raw(signals);
    return new_fd(STDIN_FILENO, STDOUT_FILENO);
}

struct chardev *chardev_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        die("cannot open %s: %s", path, strerror(errno));
    return new_fd(-1, fd);
}

static void null_attach(struct chardev *c, const struct chardev_front *front) { (void)c, (void)front; }
static void null_write(struct chardev *c, const uint8_t *buf, size_t len) { (void)c, (void)buf, (void)len; }
static void null_accept(struct chardev *c) { (void)c; }
static const struct chardev_ops null_ops = { null_attach, null_write, null_accept };

struct chardev *chardev_null(void)
{
    struct chardev *c = xcalloc(1, sizeof *c);
    c->ops = &null_ops;
    return c;
}

struct chardev *chardev_open(const char *spec)
{
    if (!strncmp(spec, "mon:", 4)) {
        if (!strcmp(spec + 4, "stdio"))
            return chardev_mux(chardev_stdio(false));
        struct chardev *c = chardev_open(spec + 4);
        return c ? chardev_mux(c) : NULL;
    }
    if (!strcmp(spec, "stdio"))
        return chardev_stdio(true);
    if (!strcmp(spec, "null") || !strcmp(spec, "none"))
        return chardev_null();
    if (!strncmp(spec, "file:", 5) && spec[5])
        return chardev_file(spec + 5);
    return NULL;
}

/* ---- dispatch ---- */

void chardev_attach(struct chardev *c, const struct chardev_front *front) { c->ops->attach(c, front); }
void chardev_write(struct chardev *c, const uint8_t *buf, size_t len) { c->ops->write(c, buf, len); }
void chardev_accept_input(struct chardev *c) { c->ops->accept_input(c); }
