/*
 * loop.c - the main thread's event loop on epoll, with a timer heap behind one timerfd, and the machine lock.
 *
 * Owns the epoll set, the timer heap and the machine lock. Must not know devices or vCPUs.
 *
 * Other threads arm timers by reprogramming the timerfd, so that the main thread sleeps through the change; only
 * loop_quit() and descriptors that epoll refuses (regular files, which are always ready) need the eventfd.
 */
#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <poll.h>
#include <unistd.h>

_Static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR && POLLHUP == EPOLLHUP,
               "bits pass through");

struct watch {
    loop_fd_cb *cb;                              /* NULL: not watched */
    void *opaque;
    unsigned events;
    uint32_t gen;                                /* tells a stale event from one for the descriptor's present owner */
    bool always;                                 /* epoll cannot watch it: always ready */
};

#define NOT_QUITTING INT_MIN
#define NOT_ARMED UINT64_MAX

static struct loop {
    pthread_mutex_t lock;
    int epfd, evfd, tfd;
    struct watch *watch;
    size_t n_watch;
    unsigned n_always;
    struct loop_timer **heap;
    size_t n_timers, room;
    uint64_t armed;                              /* deadline the timerfd is set to */
    uint64_t round;                              /* now, as the timers being run see it; 0: none are being run */
    atomic_int quit;
} loop = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .epfd = -1, .evfd = -1, .tfd = -1, .armed = NOT_ARMED, .quit = NOT_QUITTING,
};

void machine_lock(void)
{
    int e = pthread_mutex_lock(&loop.lock);
    if (unlikely(e))
        bug("machine lock: %s", strerror(e));
}

void machine_unlock(void)
{
    int e = pthread_mutex_unlock(&loop.lock);
    if (unlikely(e))
        bug("machine unlock: %s", strerror(e));
}

static void wake(void)
{
    uint64_t one = 1;
    if (loop.evfd >= 0 && write(loop.evfd, &one, sizeof one) < 0 && errno != EAGAIN)
        bug("eventfd: %s", strerror(errno));
}

/* Our own descriptors are told from users' by the top bit of the event's data. */
#define EV_SELF (1ull << 63)

static void add_self(int fd)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.u64 = EV_SELF | (unsigned)fd };
    if (epoll_ctl(loop.epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
        die("event loop: epoll: %s", strerror(errno));
}

void loop_init(void)
{
    if (loop.epfd >= 0)
        return;
    loop.epfd = epoll_create1(EPOLL_CLOEXEC);
    loop.evfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop.tfd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (loop.epfd < 0 || loop.evfd < 0 || loop.tfd < 0)
        die("event loop: cannot create descriptors: %s", strerror(errno));
    add_self(loop.evfd);
    add_self(loop.tfd);
}

/* ---- descriptors ---- */

void loop_fd_set(int fd, unsigned events, loop_fd_cb *cb, void *opaque)
{
    if (fd < 0 || !cb)
        bug("loop_fd_set: bad descriptor or callback");
    loop_init();
    if ((size_t)fd >= loop.n_watch) {
        size_t n = (size_t)fd + 16;
        struct watch *w = realloc(loop.watch, n * sizeof *w);
        if (!w)
            die("out of memory");
        memset(w + loop.n_watch, 0, (n - loop.n_watch) * sizeof *w);
        loop.watch = w;
        loop.n_watch = n;
    }
    struct watch *w = &loop.watch[fd];
    bool was = w->cb != NULL;
    if (!was)
        w->gen = (w->gen + 1) & 0x7fffffff;
    w->cb = cb;
    w->opaque = opaque;
    w->events = events;
    if (was && w->always) {
        wake();
        return;
    }
    struct epoll_event ev = { .events = events & (EPOLLIN | EPOLLOUT) };
    ev.data.u64 = (uint64_t)w->gen << 32 | (unsigned)fd;
    if (epoll_ctl(loop.epfd, was ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev) < 0) {
        if (errno != EPERM || was)
            bug("epoll_ctl(%d): %s", fd, strerror(errno));
        w->always = true;
        loop.n_always++;
        wake();
    }
}

void loop_fd_del(int fd)
{
    if (fd < 0 || (size_t)fd >= loop.n_watch || !loop.watch[fd].cb)
        return;
    struct watch *w = &loop.watch[fd];
    if (w->always)
        loop.n_always--;
    else
        (void)epoll_ctl(loop.epfd, EPOLL_CTL_DEL, fd, NULL);      /* fails only if the owner has closed it: gone */
    w->always = false;
    w->cb = NULL;
}

/* ---- timers ---- */

static void heap_put(size_t i, struct loop_timer *t)
{
    loop.heap[i] = t;
    t->heap_pos = (int)i;
}

static void sift_up(size_t i, struct loop_timer *t)
{
    for (; i > 0 && loop.heap[(i - 1) / 2]->deadline > t->deadline; i = (i - 1) / 2)
        heap_put(i, loop.heap[(i - 1) / 2]);
    heap_put(i, t);
}

static void sift_down(size_t i, struct loop_timer *t)
{
    for (size_t kid; (kid = 2 * i + 1) < loop.n_timers; i = kid) {
        if (kid + 1 < loop.n_timers && loop.heap[kid + 1]->deadline < loop.heap[kid]->deadline)
            kid++;
        if (loop.heap[kid]->deadline >= t->deadline)
            break;
        heap_put(i, loop.heap[kid]);
    }
    heap_put(i, t);
}

static void set_timerfd(uint64_t deadline)
{
    struct itimerspec its = { 0 };
    if (deadline != NOT_ARMED) {
        uint64_t d = deadline ? deadline : 1;                      /* all zero would disarm */
        its.it_value.tv_sec = (time_t)(d / 1000000000);
        its.it_value.tv_nsec = (long)(d % 1000000000);
    }
    loop_init();
    if (timerfd_settime(loop.tfd, TFD_TIMER_ABSTIME, &its, NULL) < 0)
        bug("timerfd_settime: %s", strerror(errno));
    loop.armed = deadline;
}

void loop_timer_init(struct loop_timer *t, void (*cb)(void *), void *opaque)
{
    *t = (struct loop_timer){ .deadline = NOT_ARMED, .cb = cb, .opaque = opaque, .heap_pos = -1 };
}

void loop_timer_cancel(struct loop_timer *t)
{
    t->deadline = NOT_ARMED;
    if (t->heap_pos < 0)
        return;
    size_t i = (size_t)t->heap_pos;
    t->heap_pos = -1;
    struct loop_timer *last = loop.heap[--loop.n_timers];
    if (last == t)
        return;
    if (i > 0 && loop.heap[(i - 1) / 2]->deadline > last->deadline)
        sift_up(i, last);
    else
        sift_down(i, last);
    /* The timerfd may now be early: a spurious wake-up, cheaper than a system call at every cancellation. */
}

void loop_timer_arm(struct loop_timer *t, uint64_t deadline)
{
    if (deadline == NOT_ARMED) {
        loop_timer_cancel(t);
        return;
    }
    /* What a callback arms for the past waits for the next round: descriptors and other timers get their turn. */
    if (deadline <= loop.round)
        deadline = loop.round + 1;
    if (t->heap_pos >= 0) {
        uint64_t old = t->deadline;
        t->deadline = deadline;
        if (deadline < old)
            sift_up((size_t)t->heap_pos, t);
        else
            sift_down((size_t)t->heap_pos, t);
    } else {
        if (loop.n_timers == loop.room) {
            size_t room = loop.room ? 2 * loop.room : 32;
            struct loop_timer **h = realloc(loop.heap, room * sizeof *h);
            if (!h)
                die("out of memory");
            loop.heap = h;
            loop.room = room;
        }
        t->deadline = deadline;
        sift_up(loop.n_timers++, t);
    }
    if (deadline < loop.armed)
        set_timerfd(deadline);
}

static void run_timers(void)
{
    uint64_t now = now_ns();
    loop.round = now;
    while (loop.n_timers && loop.heap[0]->deadline <= now) {
        struct loop_timer *t = loop.heap[0];
        loop_timer_cancel(t);
        t->cb(t->opaque);
        if (atomic_load(&loop.quit) != NOT_QUITTING)
            break;
    }
    loop.round = 0;
    uint64_t next = loop.n_timers ? loop.heap[0]->deadline : NOT_ARMED;
    if (next != loop.armed)
        set_timerfd(next);
}

/* ---- running ---- */

void loop_quit(int status)
{
    int none = NOT_QUITTING;
    if (status == NOT_QUITTING)
        status = 1;
    atomic_compare_exchange_strong(&loop.quit, &none, status);
    wake();
}

bool loop_quitting(void)
{
    return atomic_load(&loop.quit) != NOT_QUITTING;
}

static void drain(int fd)
{
    uint64_t n;
    if (read(fd, &n, sizeof n) < 0 && errno != EAGAIN && errno != EINTR)
        bug("event loop: read: %s", strerror(errno));
}

static void run_fd(const struct epoll_event *ev)
{
    if (ev->data.u64 & EV_SELF) {
        int fd = (int)(uint32_t)ev->data.u64;
        drain(fd);
        if (fd == loop.tfd)
            loop.armed = NOT_ARMED;                                /* it has fired: run_timers() sets it anew */
        return;
    }
    uint32_t fd = (uint32_t)ev->data.u64;
    struct watch *w = &loop.watch[fd];
    if (w->cb && w->gen == ev->data.u64 >> 32)
        w->cb(w->opaque, ev->events);
}

static void run_always(void)
{
    for (size_t fd = 0; loop.n_always && fd < loop.n_watch; fd++) {
        struct watch *w = &loop.watch[fd];
        if (w->cb && w->always && w->events)
            w->cb(w->opaque, w->events);
    }
}

static bool any_always_ready(void)
{
    for (size_t fd = 0; loop.n_always && fd < loop.n_watch; fd++)
        if (loop.watch[fd].cb && loop.watch[fd].always && loop.watch[fd].events)
            return true;
    return false;
}

int loop_run(void)
{
    loop_init();
    machine_lock();
    while (atomic_load(&loop.quit) == NOT_QUITTING) {
        struct epoll_event ev[32];
        int timeout = any_always_ready() ? 0 : -1;
        machine_unlock();
        int n = epoll_wait(loop.epfd, ev, ARRAY_LEN(ev), timeout);
        if (n < 0 && errno != EINTR)
            bug("epoll_wait: %s", strerror(errno));
        machine_lock();
        for (int i = 0; i < n && atomic_load(&loop.quit) == NOT_QUITTING; i++)
            run_fd(&ev[i]);
        if (atomic_load(&loop.quit) == NOT_QUITTING)
            run_always();
        if (atomic_load(&loop.quit) == NOT_QUITTING)
            run_timers();
    }
    machine_unlock();
    return atomic_load(&loop.quit);
}
