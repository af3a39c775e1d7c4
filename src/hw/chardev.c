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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/loop.h"
#include "hw/chardev_impl.h"

#define OUT_SIZE CHARDEV_OUT_SIZE
#define OUT_FLUSH 2048u                          /* write without waiting for the timer from here */
#define OUT_CHUNK 512u                           /* at most this much is written after one POLLOUT: below PIPE_BUF */
#define OUT_DELAY 1000000u                       /* ns */
#define LAST_PATIENCE 1000                       /* ms: how long the end of the run waits for somebody connected who reads nothing */
#define PATIENCE 200                             /* ms: how often a writer that waits looks whether the run ends */

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

enum wait { WAIT_NOT, WAIT_RUN, WAIT_END };      /* take what goes now; until all has gone or the run ends; ... all */

static void write_out(struct fd_chardev *f, enum wait wait)
{
    size_t done = 0;
    while (done < f->used && !f->dead) {
        int end = f->gone ? LAST_PATIENCE : -1;
        if (!ready(f->out, POLLOUT, wait == WAIT_RUN ? PATIENCE : wait == WAIT_END ? end : 0)) {
            if (wait == WAIT_RUN && !loop_quitting())
                continue;
            break;
        }
        size_t left = f->used - done;
        ssize_t n = write(f->out, f->buf + done, f->whole ? left : MIN(left, OUT_CHUNK));
        if (n > 0)
            done += (size_t)n;
        else if (n < 0 && errno != EINTR && errno != EAGAIN)
            f->dead = true;
    }
    if (f->dead)
        done = f->used;
    f->used -= done;
    memmove(f->buf, f->buf + done, f->used);
    if (f->dead && f->gone)
        f->gone(f);
}

static void is_ready(void *opaque, unsigned events);

static void set_watch(struct fd_chardev *f, int fd, unsigned events)
{
    if (fd >= 0 && events)
        loop_fd_set(fd, events, is_ready, f);
    else if (fd >= 0)
        loop_fd_del(fd);
}

/* What is waited for has changed. A socket's one descriptor is watched for both directions at once. */
static void watch(struct fd_chardev *f, bool in, bool out)
{
    if (f->in_watched == in && f->out_watched == out)
        return;
    f->in_watched = in;
    f->out_watched = out;
    unsigned i = in ? POLLIN : 0, o = out ? POLLOUT : 0;
    set_watch(f, f->in, f->in == f->out ? i | o : i);
    if (f->in != f->out)
        set_watch(f, f->out, o);
}

static void flush(struct fd_chardev *f)
{
    write_out(f, WAIT_NOT);
    if (f->out >= 0)                             /* else the other side went meanwhile */
        watch(f, f->in_watched, f->used != 0);
}

static void flush_due(void *opaque)
{
    flush(opaque);
}

static void fd_write(struct chardev *c, const uint8_t *buf, size_t len)
{
    struct fd_chardev *f = (struct fd_chardev *)c;
    while (len && !f->dead && f->out >= 0) {
        if (f->used == OUT_SIZE) {
            write_out(f, WAIT_RUN);
            if (f->used == OUT_SIZE)
                return;                          /* the run ends, and nobody reads: lost */
            continue;
        }
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
            write_out(f, WAIT_END);
}

/* At a crash, from any thread and perhaps in a signal handler: what the host takes at once, nothing locked or changed. */
static void crash_flush(void)
{
    for (const struct fd_chardev *f = all; f; f = f->next) {
        size_t done = 0, used = f->used;
        while (f->out >= 0 && done < used && used <= OUT_SIZE && ready(f->out, POLLOUT, PATIENCE)) {
            ssize_t n = write(f->out, f->buf + done, MIN(used - done, OUT_CHUNK));
            if (n <= 0)
                break;
            done += (size_t)n;
        }
    }
    chardev_restore_terminal();
}

/* ---- input ---- */

static void fd_accept_input(struct chardev *c)
{
    struct fd_chardev *f = (struct fd_chardev *)c;
    if (f->in < 0 || f->in_watched || !f->front.can_receive || !f->front.can_receive(f->front.opaque))
        return;
    watch(f, true, f->out_watched);
}

static void in_ready(struct fd_chardev *f)
{
    uint8_t buf[4096];
    size_t room = f->front.can_receive(f->front.opaque);
    if (!room) {
        /* Not watched at all: a hung-up pipe would otherwise wake us for ever. */
        watch(f, false, f->out_watched);
        return;
    }
    if (!ready(f->in, POLLIN, 0))
        return;
    ssize_t n = read(f->in, buf, MIN(room, sizeof buf));
    if (n > 0) {
        size_t len = f->filter ? f->filter(f, buf, (size_t)n) : (size_t)n;
        if (len)
            f->front.receive(f->front.opaque, buf, len);
        return;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (f->gone) {
        f->gone(f);
        return;
    }
    watch(f, false, f->out_watched);             /* end of input */
    f->in = -1;
}

static void is_ready(void *opaque, unsigned events)
{
    struct fd_chardev *f = opaque;
    if (f->out_watched)
        flush(f);
    if (f->in_watched)
        in_ready(f);
}

static void tell(struct fd_chardev *f, enum chardev_event e)
{
    if (f->front.event)
        f->front.event(f->front.opaque, e);
}

static void fd_attach(struct chardev *c, const struct chardev_front *front)
{
    struct fd_chardev *f = (struct fd_chardev *)c;
    if (f->front.can_receive)
        die("a character device can have only one front end: use a multiplexed one (mon:...)");
    f->front = *front;
    if (f->in >= 0 || f->out >= 0)
        tell(f, CHARDEV_OPENED);
    fd_accept_input(c);
}

static size_t fd_room(const struct chardev *c)
{
    const struct fd_chardev *f = (const struct fd_chardev *)c;
    return f->out < 0 || f->dead ? SIZE_MAX : OUT_SIZE - f->used;        /* what goes nowhere never waits */
}

static const struct chardev_ops fd_ops = { fd_attach, fd_write, fd_accept_input, fd_room };

void chardev_fd_init(struct fd_chardev *f, int in, int out)
{
    struct stat st;
    f->c.ops = &fd_ops;
    f->in = in;
    f->out = out;
    f->whole = out >= 0 && fstat(out, &st) == 0 && S_ISREG(st.st_mode);
    loop_timer_init(&f->flush, flush_due, f);
    if (!all) {
        atexit(chardev_flush_all);
        crash_add_hook(crash_flush);
    }
    f->next = all;
    all = f;
}

void chardev_fd_connect(struct fd_chardev *f, int in, int out)
{
    f->in = in;
    f->out = out;
    f->dead = false;
    f->whole = true;
    tell(f, CHARDEV_OPENED);
    fd_accept_input(&f->c);
}

void chardev_fd_disconnect(struct fd_chardev *f)
{
    bool was = f->in >= 0 || f->out >= 0;
    watch(f, false, false);
    f->dead = false;
    loop_timer_cancel(&f->flush);
    f->in = f->out = -1;
    f->used = 0;
    if (was)
        tell(f, CHARDEV_CLOSED);
}

static struct chardev *new_fd(int in, int out, const char *filename)
{
    struct fd_chardev *f = xcalloc(1, sizeof *f);
    chardev_fd_init(f, in, out);
    f->c.filename = filename;
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
    return new_fd(STDIN_FILENO, STDOUT_FILENO, "stdio");
}

struct chardev *chardev_file(const char *path, bool append)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
    if (fd < 0)
        die("cannot open %s: %s", path, strerror(errno));
    return new_fd(-1, fd, "file");
}

static void null_attach(struct chardev *c, const struct chardev_front *front) { (void)c, (void)front; }
static void null_write(struct chardev *c, const uint8_t *buf, size_t len) { (void)c, (void)buf, (void)len; }
static void null_accept(struct chardev *c) { (void)c; }
static size_t null_room(const struct chardev *c) { (void)c; return SIZE_MAX; }
static const struct chardev_ops null_ops = { null_attach, null_write, null_accept, null_room };

struct chardev *chardev_null(void)
{
    struct chardev *c = xcalloc(1, sizeof *c);
    c->ops = &null_ops;
    c->filename = "null";
    return c;
}

/* "[HOST]:PORT" or "PATH", then QEMU's flags. */
static struct chardev *open_socket(const char *what, const char *spec, bool is_unix, bool telnet)
{
    struct chardev_socket s = { .telnet = telnet, .wait = true };
    char *words = xasprintf("%s", spec), *save = NULL, *addr = strtok_r(words, ",", &save);
    if (!addr)
        die("%s: the address is missing", what);
    for (char *w; (w = strtok_r(NULL, ",", &save));) {
        if (!strcmp(w, "server") || !strcmp(w, "server=on"))
            s.server = true;
        else if (!strcmp(w, "nowait") || !strcmp(w, "wait=off"))
            s.wait = false;
        else if (!strncmp(w, "reconnect=", 10) && w[10] >= '0' && w[10] <= '9')
            s.reconnect = (unsigned)strtoul(w + 10, NULL, 10);
        else if (!strcmp(w, "telnet") || !strcmp(w, "telnet=on"))
            s.telnet = true;
        else if (strcmp(w, "wait=on") && strcmp(w, "server=off") && strncmp(w, "nodelay", 7))
            die("%s: unknown word '%s'", what, w);
    }
    if (is_unix) {
        s.path = addr;
    } else {
        char *colon = strrchr(addr, ':');
        if (!colon || !colon[1])
            die("%s: want HOST:PORT", what);
        *colon = 0;
        s.port = colon + 1;
        s.host = addr;
    }
    return chardev_socket(&s);                   /* WORDS lives as long as the process */
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
    if (!strcmp(spec, "pty"))
        return chardev_pty();
    if (!strncmp(spec, "file:", 5) && spec[5])
        return chardev_file(spec + 5, false);
    if (!strncmp(spec, "pipe:", 5) && spec[5])
        return chardev_pipe(spec + 5);
    if (!strncmp(spec, "unix:", 5))
        return open_socket(spec, spec + 5, true, false);
    if (!strncmp(spec, "tcp:", 4))
        return open_socket(spec, spec + 4, false, false);
    if (!strncmp(spec, "telnet:", 7))
        return open_socket(spec, spec + 7, false, true);
    return NULL;
}

void chardev_set_log(struct chardev *c, const char *path, bool append)
{
    c->log = chardev_file(path, append);
}

/* ---- names ---- */

static struct chardev *labelled;

void chardev_set_label(struct chardev *c, const char *label)
{
    if (!c->label) {
        struct chardev **at = &labelled;
        while (*at)
            at = &(*at)->next;
        *at = c;
    }
    c->label = label;
}

bool chardev_describe(unsigned n, struct chardev_info *info)
{
    const struct chardev *c = labelled;
    while (c && n--)
        c = c->next;
    if (!c)
        return false;
    info->label = c->label;
    info->attached = c->attached;
    bool gone = false;
    if (c->ops == &fd_ops) {
        const struct fd_chardev *f = (const struct fd_chardev *)c;
        gone = f->gone && f->in < 0 && f->out < 0;
    }
    snprintf(info->filename, sizeof info->filename, "%s%s", gone ? "disconnected:" : "", c->filename ? c->filename : "");
    return true;
}

/* ---- dispatch ---- */

void chardev_attach(struct chardev *c, const struct chardev_front *front)
{
    c->attached = true;
    c->ops->attach(c, front);
}

size_t chardev_room(const struct chardev *c) { return c->ops->room(c); }

void chardev_write(struct chardev *c, const uint8_t *buf, size_t len)
{
    if (c->log)
        c->log->ops->write(c->log, buf, len);
    c->ops->write(c, buf, len);
}

void chardev_accept_input(struct chardev *c) { c->ops->accept_input(c); }
