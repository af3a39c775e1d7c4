/*
 * loop_test.c - timers in order, cancelling, arming from another thread, descriptors, quitting; the generic timer's
 * level.
 */
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "base/loop.h"
#include "hw/gtimer.h"

#include "check.h"

#define MS 1000000ull

static struct loop_timer t[16];
static unsigned order[16], n_fired;
static uint64_t fired_at[16];

static void fire(void *opaque)
{
    unsigned i = (unsigned)((struct loop_timer *)opaque - t);
    order[n_fired] = i;
    fired_at[n_fired++] = now_ns();
}

static void quit(void *opaque)
{
    loop_quit((int)(intptr_t)opaque);
}

static struct loop_timer rearmed;
static unsigned rearm_count;
static void rearm(void *opaque)
{
    if (++rearm_count < 200)
        loop_timer_arm(&rearmed, 0);             /* always due: must not starve the rest */
}

static int pipe_fd[2];
static char got[8];
static unsigned pipe_calls;
static void on_pipe(void *opaque, unsigned events)
{
    pipe_calls++;
    if (read(pipe_fd[0], got, sizeof got) <= 0)
        loop_fd_del(pipe_fd[0]);
}

static unsigned file_calls;
static void on_file(void *opaque, unsigned events)
{
    if (++file_calls == 3)
        loop_fd_del((int)(intptr_t)opaque);
}

static void *other_thread(void *arg)
{
    usleep(5000);
    machine_lock();
    loop_timer_arm(&t[15], now_ns() + 2 * MS);   /* earlier than anything the loop sleeps for */
    machine_unlock();
    CHECK(write(pipe_fd[1], "hello", 5) == 5);
    usleep(20000);
    close(pipe_fd[1]);
    return NULL;
}

static bool line[2];
static unsigned line_changes;
static void on_line(void *opaque, unsigned n, bool level)
{
    line[n] = level;
    line_changes++;
}

static void test_timer_chip(struct gtimer *g)
{
    const struct a64_timer_ops *o = &gtimer_sysregs;
    uint64_t c0 = o->count(g);
    usleep(2000);
    uint64_t c1 = o->count(g);
    CHECK(c1 - c0 >= 2 * 62500 && c1 - c0 < 2000 * 62500ull);
    o->changed(g, 0, GTIMER_VIRT, c1, 1);        /* passed already */
    CHECK(line[GTIMER_VIRT]);
    o->changed(g, 0, GTIMER_VIRT, c1, 3);        /* masked */
    CHECK(!line[GTIMER_VIRT]);
    o->changed(g, 0, GTIMER_VIRT, c1, 1);
    o->changed(g, 0, GTIMER_VIRT, ~0ull, 1);     /* never */
    CHECK(!line[GTIMER_VIRT]);
    o->changed(g, 0, GTIMER_VIRT, o->count(g) + 62500 * 10, 1);
    o->changed(g, 0, GTIMER_PHYS, o->count(g) + 62500 * 10, 0);
    CHECK(!line[GTIMER_VIRT] && !line[GTIMER_PHYS]);
}

int main(void)
{
    struct loop_timer q, stop;
    pthread_t th;
    loop_init();
    for (unsigned i = 0; i < 16; i++)
        loop_timer_init(&t[i], fire, &t[i]);
    loop_timer_init(&rearmed, rearm, NULL);
    loop_timer_init(&q, quit, (void *)7);
    loop_timer_init(&stop, quit, (void *)9);
    struct gtimer *g = gtimer_new(1);
    gtimer_connect(g, 0, GTIMER_PHYS, (struct irq){ on_line, NULL, GTIMER_PHYS });
    gtimer_connect(g, 0, GTIMER_VIRT, (struct irq){ on_line, NULL, GTIMER_VIRT });
    CHECK(pipe(pipe_fd) == 0);
    test_timer_chip(g);

    uint64_t base = now_ns() + 300 * MS;
    static const unsigned slot[8] = { 5, 2, 7, 0, 3, 6, 1, 4 };
    machine_lock();
    for (unsigned i = 0; i < 8; i++)
        loop_timer_arm(&t[i], base + slot[i] * MS);
    loop_timer_arm(&t[8], base);
    loop_timer_cancel(&t[8]);
    loop_timer_cancel(&t[9]);                    /* not armed: nothing */
    loop_timer_cancel(&t[4]);                    /* in the middle of the heap */
    loop_timer_arm(&t[2], base - 10 * MS);       /* moved to the front */
    loop_timer_arm(&t[3], base + 9 * MS);        /* and to the back */
    loop_timer_arm(&rearmed, 0);
    loop_timer_arm(&q, base + 40 * MS);
    loop_timer_arm(&stop, base + 5000 * MS);
    loop_fd_set(pipe_fd[0], POLLIN, on_pipe, NULL);
    int file = open("/proc/self/exe", O_RDONLY); /* a regular file: epoll refuses it */
    loop_fd_set(file, POLLIN, on_file, (void *)(intptr_t)file);
    machine_unlock();
    CHECK(pthread_create(&th, NULL, other_thread, NULL) == 0);
    CHECK_EQ(loop_run(), 7);
    pthread_join(th, NULL);

    static const unsigned want[] = { 15, 2, 6, 1, 7, 0, 5, 3 };
    CHECK_EQ(n_fired, ARRAY_LEN(want));
    CHECK(n_fired == ARRAY_LEN(want) && !memcmp(order, want, sizeof want));
    CHECK(n_fired && fired_at[0] < base);
    for (unsigned i = 1; i < n_fired; i++)
        CHECK(fired_at[i] >= fired_at[i - 1]);
    CHECK(!memcmp(got, "hello", 5));
    CHECK_EQ(pipe_calls, 2);                     /* the data, the end */
    CHECK_EQ(file_calls, 3);
    CHECK(rearm_count > 1);
    CHECK(line[GTIMER_VIRT] && !line[GTIMER_PHYS]);
    loop_quit(3);
    CHECK_EQ(loop_run(), 7);                     /* the first status wins */
    return check_done();
}
