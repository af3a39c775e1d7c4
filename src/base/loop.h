/*
 * loop.h - the main thread's event loop: file descriptors, timers, and waking it from other threads.
 *
 * Owns the epoll set and the timer heap, and the one lock ("the machine lock") under which every device runs.
 * Must not know devices or vCPUs.
 */
#ifndef GNOMON_BASE_LOOP_H
#define GNOMON_BASE_LOOP_H

#include "base/base.h"

/* The machine lock: held by the loop while it calls back, by a vCPU thread during MMIO and device registers. Not recursive. */
void machine_lock(void);
void machine_unlock(void);

void loop_init(void);
/* Run callbacks until loop_quit(); returns its status. */
int loop_run(void);
void loop_quit(int status);                      /* any thread; the first status wins */
bool loop_quitting(void);                        /* has loop_quit() been called? any thread */

/* Watch FD for POLLIN/POLLOUT bits in EVENTS (0 = only errors). CB runs on the main thread with the machine lock held. */
typedef void loop_fd_cb(void *opaque, unsigned events);
void loop_fd_set(int fd, unsigned events, loop_fd_cb *cb, void *opaque);
void loop_fd_del(int fd);

/* A timer: fires once at DEADLINE (CLOCK_MONOTONIC ns), on the main thread with the machine lock held. */
struct loop_timer {
    uint64_t deadline;                           /* UINT64_MAX: not armed */
    void (*cb)(void *opaque);
    void *opaque;
    int heap_pos;
};
void loop_timer_init(struct loop_timer *t, void (*cb)(void *), void *opaque);
/* Any thread, machine lock held. Arming earlier than what the loop sleeps for wakes it. */
void loop_timer_arm(struct loop_timer *t, uint64_t deadline);
void loop_timer_cancel(struct loop_timer *t);

#endif
