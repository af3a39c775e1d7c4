/*
 * run.h - what the machine is doing: running, paused, ended; and the requests that change it.
 *
 * Owns that state and the order in which vCPUs, guest clock and chips are stopped, reset and started. Must not know chips:
 * the board gives its part of it as struct run_hooks.
 *
 * A request may come from any thread; it is carried out on the main thread. The calls that act at once are the main
 * thread's, machine lock held (they give it up while they wait for vCPUs).
 */
#ifndef GNOMON_BOARD_RUN_H
#define GNOMON_BOARD_RUN_H

#include "base/base.h"

/* X(id, QMP's RunState) */
#define RUN_STATES(X) X(PRELAUNCH, "prelaunch") X(RUNNING, "running") X(PAUSED, "paused") X(SHUTDOWN, "shutdown")
enum run_state {
#define X(id, name) RUN_##id,
    RUN_STATES(X)
#undef X
};

/* X(id, QMP's ShutdownCause, the guest did it) */
#define RUN_CAUSES(X)                                           \
    X(HOST_QMP_QUIT, "host-qmp-quit", false)                    \
    X(HOST_QMP_RESET, "host-qmp-system-reset", false)           \
    X(HOST_SIGNAL, "host-signal", false)                        \
    X(GUEST_SHUTDOWN, "guest-shutdown", true)                   \
    X(GUEST_RESET, "guest-reset", true)
enum run_cause {
#define X(id, name, guest) CAUSE_##id,
    RUN_CAUSES(X)
#undef X
};

enum run_event { EVENT_STOP, EVENT_RESUME, EVENT_RESET, EVENT_SHUTDOWN, EVENT_POWERDOWN };

struct run_hooks {
    void (*reset)(void);                         /* chips and CPUs to their start; no vCPU runs */
    void (*powerdown)(void);                     /* the guest is asked to switch itself off */
    void (*clock)(bool on);                      /* time and what devices do by themselves go on, or stand still */
};

/* -action and its short forms. May be set at any time. */
struct run_actions {
    bool reboot_ends;                            /* -no-reboot */
    bool shutdown_pauses;                        /* -no-shutdown: after the guest's power-off the machine is kept */
};
extern struct run_actions run_actions;

/* Before exec_start(). The state is RUN_PRELAUNCH, with vCPUs held and the clock standing. */
void run_init(const struct run_hooks *hooks);

enum run_state run_state(void);
const char *run_state_name(enum run_state s);

/* To RUN_RUNNING; false: the state does not allow that (the machine must be reset first). */
bool run_continue(void) MUST_CHECK;
/* From RUN_RUNNING to RUN_PAUSED; nothing in other states. */
void run_pause(void);
/*
 * Between the two no vCPU runs guest code or a device, whatever the state; pairs nest. For looking at and changing CPUs'
 * state. The guest's clock goes on.
 */
void run_hold(void);
void run_release(void);
void run_powerdown(void);

/* Any thread, lock held or not; the last one also in a signal handler. The first cause counts until it has been dealt with. */
void run_request_reset(enum run_cause cause);
/* Ends loop_run() with status 0, unless the guest asked and run_actions keeps the machine. */
void run_request_shutdown(enum run_cause cause);

/* Hear of changes; called on the main thread, machine lock held, in the order of events. CAUSE is of RESET and SHUTDOWN. */
struct run_listener {
    void (*event)(void *opaque, enum run_event e, enum run_cause cause);
    void *opaque;
    struct run_listener *next;
};
void run_listen(struct run_listener *l);
const char *run_cause_name(enum run_cause c);
bool run_cause_is_guest(enum run_cause c);

#endif
