/*
 * run.c - what the machine is doing, and how it changes.
 *
 * Owns the state and the pending requests. A request sets a word and wakes the main thread by an eventfd, so that it may be
 * made by a vCPU in the middle of an instruction or by a signal handler.
 */
#include "board/run.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/loop.h"
#include "block/block.h"
#include "exec/exec.h"

#define NONE (-1)

struct run_actions run_actions;

static struct {
    const struct run_hooks *hooks;
    enum run_state state;
    unsigned holds;                              /* reasons for which vCPUs are held; not running is one */
    int fd;
    atomic_int reset, shutdown;                  /* enum run_cause, or NONE */
    struct run_listener *listeners;
} run = { .fd = -1, .reset = NONE, .shutdown = NONE };

static const char *const state_names[] = {
#define X(id, name) [RUN_##id] = name,
    RUN_STATES(X)
#undef X
};
static const struct { const char *name; bool guest; } causes[] = {
#define X(id, name, guest) [CAUSE_##id] = { name, guest },
    RUN_CAUSES(X)
#undef X
};

enum run_state run_state(void) { return run.state; }
const char *run_state_name(enum run_state s) { return state_names[s]; }
const char *run_cause_name(enum run_cause c) { return causes[c].name; }
bool run_cause_is_guest(enum run_cause c) { return causes[c].guest; }

void run_listen(struct run_listener *l)
{
    l->next = run.listeners;
    run.listeners = l;
}

static void tell(enum run_event e, enum run_cause cause)
{
    for (struct run_listener *l = run.listeners; l; l = l->next)
        l->event(l->opaque, e, cause);
}

void run_hold(void)
{
    if (run.holds++)
        return;
    /* vCPUs may be waiting for the machine lock: they must get it to reach their run loops. */
    machine_unlock();
    exec_pause_all();
    machine_lock();
}

void run_release(void)
{
    if (!run.holds)
        bug("run_release() without run_hold()");
    if (!--run.holds)
        exec_resume_all();
}

static void stop(enum run_state to)
{
    if (run.state == RUN_RUNNING) {
        run_hold();
        machine_unlock();                        /* transfers end under it */
        block_drain_all();                       /* a machine that stands still writes nothing */
        machine_lock();
        run.hooks->clock(false);
        run.state = to;
        tell(EVENT_STOP, 0);
    }
    run.state = to;
}

void run_pause(void)
{
    if (run.state == RUN_RUNNING)
        stop(RUN_PAUSED);
}

bool run_continue(void)
{
    if (run.state == RUN_SHUTDOWN)
        return false;
    if (run.state == RUN_RUNNING)
        return true;
    run.state = RUN_RUNNING;
    tell(EVENT_RESUME, 0);
    run.hooks->clock(true);
    run_release();
    return true;
}

void run_powerdown(void)
{
    tell(EVENT_POWERDOWN, 0);
    run.hooks->powerdown();
}

/* ---- requests ---- */

static void wake(void)
{
    uint64_t one = 1;
    int e = errno;
    if (run.fd < 0)
        loop_quit(0);                            /* a signal before there is a machine */
    else if (write(run.fd, &one, sizeof one) < 0 && errno != EAGAIN)
        bug("request to the main thread: %s", strerror(errno));
    errno = e;
}

void run_request_reset(enum run_cause cause)
{
    int none = NONE;
    if (run_actions.reboot_ends) {
        run_request_shutdown(cause);
        return;
    }
    atomic_compare_exchange_strong(&run.reset, &none, (int)cause);
    wake();
}

void run_request_shutdown(enum run_cause cause)
{
    int none = NONE;
    atomic_compare_exchange_strong(&run.shutdown, &none, (int)cause);
    wake();
}

static void do_reset(enum run_cause cause)
{
    run_hold();
    run.hooks->reset();
    tell(EVENT_RESET, cause);
    if (run.state != RUN_RUNNING)
        run.state = RUN_PRELAUNCH;
    run_release();
}

static void do_shutdown(enum run_cause cause)
{
    tell(EVENT_SHUTDOWN, cause);
    /* Who asks from outside means it. */
    if (run_actions.shutdown_pauses && cause != CAUSE_HOST_QMP_QUIT && cause != CAUSE_HOST_SIGNAL)
        stop(RUN_SHUTDOWN);
    else
        loop_quit(0);
}

static void on_request(void *opaque, unsigned events)
{
    (void)opaque, (void)events;
    uint64_t n;
    if (read(run.fd, &n, sizeof n) < 0)
        return;
    int cause = atomic_exchange(&run.shutdown, NONE);
    if (cause != NONE)
        do_shutdown((enum run_cause)cause);
    cause = atomic_exchange(&run.reset, NONE);
    if (cause != NONE && !loop_quitting())
        do_reset((enum run_cause)cause);
}

void run_init(const struct run_hooks *hooks)
{
    run.hooks = hooks;
    run.state = RUN_PRELAUNCH;
    run.holds = 1;
    run.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (run.fd < 0)
        die("cannot create an event descriptor: %s", strerror(errno));
    loop_fd_set(run.fd, POLLIN, on_request, NULL);
    exec_pause_all();
    hooks->clock(false);
}
