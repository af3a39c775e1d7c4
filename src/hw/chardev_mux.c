/*
 * chardev_mux.c - several fronts on one backend, and QEMU's Ctrl-A escapes.
 *
 * Owns the escape state and a buffer of input, so that the escapes work while the guest does not read. Must not know
 * devices.
 */
#include <string.h>

#include "base/loop.h"
#include "hw/chardev.h"
#include "hw/chardev_impl.h"

#define FRONTS 4u
#define BUF 4096u
#define ESCAPE 0x01                              /* Ctrl-A */

struct mux {
    struct chardev c;                            /* first */
    struct chardev *backend;
    struct chardev_front front[FRONTS];
    unsigned n, focus;
    bool escaped, delivering;
    uint8_t buf[BUF];                            /* for the front with the focus */
    size_t used;
};

static void say(struct mux *m, const char *s)
{
    chardev_write(m->backend, (const uint8_t *)s, strlen(s));
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

static void command(struct mux *m, uint8_t ch)
{
    struct chardev_front *f = m->n ? &m->front[m->focus] : NULL;
    switch (ch) {
    case 'x':
        say(m, "\r\ngnomon: terminated\r\n");
        chardev_flush_all();
        loop_quit(0);
        break;
    case 'b':
        if (f && f->send_break)
            f->send_break(f->opaque);
        break;
    case 'c':
        if (m->n > 1) {
            m->focus = (m->focus + 1) % m->n;
            m->used = 0;
        } else {
            say(m, "\r\ngnomon: there is no monitor here yet\r\n");
        }
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
               "C-a s    accepted, does nothing\r\n"
               "C-a C-a  send C-a\r\n");
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
            if (in[i] != ESCAPE) {
                deliver(m);
                command(m, in[i]);
                continue;
            }
        } else if (in[i] == ESCAPE) {
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
    deliver(m);
}

static void mux_write(struct chardev *c, const uint8_t *buf, size_t len)
{
    chardev_write(((struct mux *)c)->backend, buf, len);
}

static void mux_accept_input(struct chardev *c)
{
    struct mux *m = (struct mux *)c;
    if (!m->used)
        return;
    deliver(m);
    chardev_accept_input(m->backend);
}

static const struct chardev_ops mux_ops = { mux_attach, mux_write, mux_accept_input };

struct chardev *chardev_mux(struct chardev *backend)
{
    struct mux *m = xcalloc(1, sizeof *m);
    m->c.ops = &mux_ops;
    m->backend = backend;
    const struct chardev_front front = { mux_can_receive, mux_receive, NULL, m };
    chardev_attach(backend, &front);
    return &m->c;
}
