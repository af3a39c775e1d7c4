/*
 * chardev_mux.c - several fronts on one backend, and QEMU's Ctrl-A escapes.
 *
 * Owns the escape state and a buffer of input, so that the escapes work while the guest does not read. Must not know
 * devices.
 */
#include <stdio.h>
#include <string.h>

#include "base/loop.h"
#include "hw/chardev.h"
#include "hw/chardev_impl.h"

#define FRONTS 8u
#define BUF 4096u

static uint8_t escape = 0x01;                    /* Ctrl-A */

struct mux {
    struct chardev c;                            /* first */
    struct chardev *backend;
    struct chardev_front front[FRONTS];
    unsigned n, focus;
    bool escaped, delivering;
    bool open;                                   /* the backend's other side is there */
    bool stamps, line_begun;                     /* C-a t */
    uint64_t start;                              /* now_ns() when stamps were switched on */
    uint8_t buf[BUF];                            /* for the front with the focus */
    size_t used;
};

static void say(struct mux *m, const char *s)
{
    chardev_write(m->backend, (const uint8_t *)s, strlen(s));
}

static void tell(struct mux *m, unsigned front, enum chardev_event e)
{
    if (front < m->n && m->front[front].event)
        m->front[front].event(m->front[front].opaque, e);
}

static void set_focus(struct mux *m, unsigned to)
{
    tell(m, m->focus, CHARDEV_FOCUS_OUT);
    m->focus = to;
    m->used = 0;
    tell(m, to, CHARDEV_FOCUS_IN);
}

static void deliver(struct mux *m)
{
    if (m->delivering)
        return;                                  /* the front's receive() asks for more: the loop below goes on */
    m->delivering = true;
    while (m->used && m->n) {
        struct chardev_front *f = &m->front[m->focus];
        size_t n = MIN(f->can_receive(f->opaque), m->used);
        if (!n)
            break;
        uint8_t part[BUF];
        memcpy(part, m->buf, n);
        m->used -= n;
        memmove(m->buf, m->buf + n, m->used);
        f->receive(f->opaque, part, n);
    }
    m->delivering = false;
}

static void mux_break(void *opaque)
{
    struct mux *m = opaque;
    if (m->n && m->front[m->focus].send_break)
        m->front[m->focus].send_break(m->front[m->focus].opaque);
}

static void command(struct mux *m, uint8_t ch)
{
    switch (ch) {
    case 'x':
        say(m, "\r\ngnomon: terminated\r\n");
        chardev_flush_all();
        loop_quit(0);
        break;
    case 'b':
        mux_break(m);
        break;
    case 'c':
        if (m->n > 1)
            set_focus(m, (m->focus + 1) % m->n);
        else
            say(m, "\r\ngnomon: there is no monitor here\r\n");
        break;
    case 't':
        m->stamps = !m->stamps;
        m->line_begun = false;
        m->start = now_ns();
        break;
    case 's':
        break;
    case 'h':
    case '?':
        say(m, "\r\n"
               "C-a h    print this help\r\n"
               "C-a x    exit the emulator\r\n"
               "C-a b    send a break\r\n"
               "C-a c    switch between console and monitor\r\n"
               "C-a t    toggle time stamps\r\n"
               "C-a s    accepted, does nothing\r\n"
               "C-a C-a  send C-a (the escape character that -echr sets)\r\n");
        break;
    }
}

static size_t mux_can_receive(void *opaque)
{
    const struct mux *m = opaque;
    return BUF - m->used;
}

static void mux_receive(void *opaque, const uint8_t *in, size_t len)
{
    struct mux *m = opaque;
    for (size_t i = 0; i < len; i++) {
        if (m->escaped) {
            m->escaped = false;
            if (in[i] != escape) {
                deliver(m);
                command(m, in[i]);
                continue;
            }
        } else if (in[i] == escape) {
            m->escaped = true;
            continue;
        }
        if (m->used < BUF)
            m->buf[m->used++] = in[i];
    }
    deliver(m);
}

static void mux_attach(struct chardev *c, const struct chardev_front *front)
{
    struct mux *m = (struct mux *)c;
    if (m->n == FRONTS)
        die("more than %u front ends on one multiplexed character device", FRONTS);
    m->front[m->n++] = *front;
    if (m->open)
        tell(m, m->n - 1, CHARDEV_OPENED);
    m->focus = m->n - 1;                         /* nobody has come to look yet: no FOCUS_IN */
    m->used = 0;
    deliver(m);
}

/* A line's first byte is preceded by the time since stamps were switched on. */
static void write_stamped(struct mux *m, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!m->line_begun) {
            char stamp[40];
            unsigned long long ms = (now_ns() - m->start) / 1000000;
            snprintf(stamp, sizeof stamp, "[%02llu:%02llu:%02llu.%03llu] ", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
            say(m, stamp);
            m->line_begun = true;
        }
        chardev_write(m->backend, buf + i, 1);
        if (buf[i] == '\n')
            m->line_begun = false;
    }
}

static void mux_write(struct chardev *c, const uint8_t *buf, size_t len)
{
    struct mux *m = (struct mux *)c;
    if (m->stamps)
        write_stamped(m, buf, len);
    else
        chardev_write(m->backend, buf, len);
}

static size_t mux_room(const struct chardev *c)
{
    return chardev_room(((const struct mux *)c)->backend);
}

static void mux_event(void *opaque, enum chardev_event e)
{
    struct mux *m = opaque;
    m->open = e == CHARDEV_OPENED;
    for (unsigned i = 0; i < m->n; i++)
        tell(m, i, e);
}

static void mux_accept_input(struct chardev *c)
{
    struct mux *m = (struct mux *)c;
    if (!m->used)
        return;
    deliver(m);
    chardev_accept_input(m->backend);
}

static const struct chardev_ops mux_ops = { mux_attach, mux_write, mux_accept_input, mux_room };

bool chardev_is_mux(const struct chardev *c) { return c->ops == &mux_ops; }

void chardev_mux_escape(uint8_t ch) { escape = ch; }

struct chardev *chardev_mux(struct chardev *backend)
{
    struct mux *m = xcalloc(1, sizeof *m);
    m->c.ops = &mux_ops;
    m->backend = backend;
    m->c.filename = backend->filename;
    const struct chardev_front front = { mux_can_receive, mux_receive, mux_break, m, mux_event };
    chardev_attach(backend, &front);
    return &m->c;
}
