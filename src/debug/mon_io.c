/*
 * mon_io.c - a monitor session's output: written as far as the chardev takes it without waiting, kept and retried otherwise.
 *
 * Owns what is kept. Must not know what it says.
 */
#include <string.h>

#include "debug/monitor_impl.h"

#define RETRY_NS 5000000ull
#define ENOUGH (64u << 10)                       /* pending bytes at which a session stops reading */
#define TOO_MUCH (1u << 20)                      /* ... and events are dropped */

static void push(struct mon_io *io)
{
    size_t n = MIN(chardev_room(io->c), io->pending.len);
    if (n) {
        chardev_write(io->c, (const uint8_t *)io->pending.s, n);
        io->pending.len -= n;
        memmove(io->pending.s, io->pending.s + n, io->pending.len);
    }
    if (io->pending.len)
        loop_timer_arm(&io->retry, now_ns() + RETRY_NS);
}

static void retry(void *opaque)
{
    struct mon_io *io = opaque;
    push(io);
    if (mon_io_accepts(io))
        chardev_accept_input(io->c);
}

void mon_io_init(struct mon_io *io, struct chardev *c)
{
    io->c = c;
    loop_timer_init(&io->retry, retry, io);
}

void mon_io_write(struct mon_io *io, const char *s, size_t len, bool event)
{
    if (event && io->pending.len > TOO_MUCH)
        return;
    text_add(&io->pending, s, len);
    push(io);
}

bool mon_io_accepts(const struct mon_io *io)
{
    return io->pending.len <= ENOUGH;
}

void mon_io_drop(struct mon_io *io)
{
    io->pending.len = 0;
    loop_timer_cancel(&io->retry);
}
