/*
 * chardev_pty.c - a pseudo-terminal as a backend, and named pipes.
 *
 * Owns the master side. Must not know devices. A pseudo-terminal whose other side nobody has open reports a hang-up all
 * the time, so that it is not watched then but looked at twice a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "hw/chardev_impl.h"

#define LOOK_AGAIN 500000000ull                  /* ns */

struct pty {
    struct fd_chardev f;                         /* first */
    int master;
    struct loop_timer look;
};

static bool somebody_there(int master)
{
    struct pollfd p = { .fd = master, .events = 0 };
    return poll(&p, 1, 0) == 0 || !(p.revents & POLLHUP);
}

static void look(void *opaque)
{
    struct pty *p = opaque;
    if (somebody_there(p->master))
        chardev_fd_connect(&p->f, p->master, p->master);
    else
        loop_timer_arm(&p->look, now_ns() + LOOK_AGAIN);
}

static void gone(struct fd_chardev *f)
{
    struct pty *p = (struct pty *)f;
    chardev_fd_disconnect(f);
    loop_timer_arm(&p->look, now_ns() + LOOK_AGAIN);
}

struct chardev *chardev_pty_labelled(const char *label)
{
    struct pty *p = xcalloc(1, sizeof *p);
    int slave;
    struct termios t;
    if (openpty(&p->master, &slave, NULL, NULL, NULL) < 0)
        die("cannot make a pseudo-terminal: %s", strerror(errno));
    if (tcgetattr(slave, &t) == 0) {
        cfmakeraw(&t);                           /* no echo of the guest's output back to it */
        tcsetattr(slave, TCSANOW, &t);
    }
    char name[128];
    int e = ttyname_r(slave, name, sizeof name);
    if (e)
        die("cannot name the pseudo-terminal: %s", strerror(e));
    close(slave);
    if (fcntl(p->master, F_SETFD, FD_CLOEXEC) < 0 || fcntl(p->master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
        die("pseudo-terminal: %s", strerror(errno));
    printf("char device redirected to %s (label %s)\n", name, label);
    fflush(stdout);
    chardev_fd_init(&p->f, -1, -1);
    p->f.c.filename = xasprintf("pty:%s", name);
    p->f.gone = gone;
    loop_timer_init(&p->look, look, p);
    loop_timer_arm(&p->look, now_ns());
    return &p->f.c;
}

struct chardev *chardev_pty(void)
{
    return chardev_pty_labelled("serial0");
}

/* Both directions are opened for reading and writing: no waiting for the other side, and no end of input when it goes. */
static int open_fifo(const char *path)
{
    return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

struct chardev *chardev_pipe(const char *path)
{
    char *in_path = xasprintf("%s.in", path), *out_path = xasprintf("%s.out", path);
    int in = open_fifo(in_path), out = open_fifo(out_path);
    free(in_path);
    free(out_path);
    if (in < 0 || out < 0) {
        if (in >= 0)
            close(in);
        if (out >= 0)
            close(out);
        in = out = open_fifo(path);
        if (in < 0)
            die("cannot open the pipe %s: %s", path, strerror(errno));
    }
    struct fd_chardev *f = xcalloc(1, sizeof *f);
    chardev_fd_init(f, in, out);
    f->whole = true;
    f->c.filename = "pipe";
    return &f->c;
}
