/*
 * exec.c - vCPU threads: run loop, interrupt lines, WFI sleep, power, pause and stop.
 *
 * Owns the threads and struct exec_vcpu. Must not know chips or the guest ISA.
 */
#include "exec/exec.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/quiet.h"
#include "host/host.h"
#include "mem/mem.h"
#include "mmu/mmu.h"
#include "xlate/xlate.h"

#define MAX_VCPUS 8

struct exec_vcpu {
    struct vcpu *c;
    const struct guest_ops *guest;
    pthread_t thread;
    pid_t tid;
    pthread_cond_t wake;
    jmp_buf unwind;                               /* the run loop, for unwinding C frames outside translated code */
    bool off;                                     /* PSCI */
    bool asleep;                                  /* in exec_wait() or held: woken through `wake` */
    bool parked;                                  /* in may_run(), outside guest code */
    bool held;                                    /* acknowledged a pause */
    enum exec_debug debug;                        /* what a debugger wants of it */
    enum exec_halt halt;                          /* why it has halted for the debugger */
    uint64_t halt_va;
    enum { WAIT_NONE, WAIT_INTERRUPT, WAIT_EVENT } wait;   /* asked by a helper, done by the run loop; own thread only */
    bool event;                                   /* the event register (WFE, SEV); any thread */
    unsigned idle;                                /* WFEs in a row that found no event */
    uint64_t idle_at;                             /* when the last of them ended */
    unsigned skip, in_vain;                       /* WFIs that sleep at once; how many were to, last; own thread only */
};

static struct exec_state {
    pthread_mutex_t lock;                         /* asleep, off, held, pause, stop */
    pthread_cond_t acked;
    struct exec_vcpu v[MAX_VCPUS];
    unsigned n;
    bool pause, stop, started;
    void (*on_halt)(struct vcpu *c);
} ex = { .lock = PTHREAD_MUTEX_INITIALIZER, .acked = PTHREAD_COND_INITIALIZER };

static struct exec_vcpu *ev(const struct vcpu *c) { return c->exec; }

struct vcpu *exec_add_vcpu(const struct guest_ops *ops)
{
    if (ex.n == MAX_VCPUS)
        die("at most %d vCPUs", MAX_VCPUS);
    struct vcpu *c = aligned_alloc(64, ALIGN_UP(ops->state_size, (size_t)64));
    if (!c)
        die("out of memory");
    memset(c, 0, ops->state_size);
    struct exec_vcpu *v = &ex.v[ex.n];
    c->index = ex.n++;
    c->exec = v;
    v->c = c;
    v->guest = ops;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&v->wake, &attr);
    pthread_condattr_destroy(&attr);
    c->mem = &mmu_mem_ops;
    quiet_add(c->index, &c->exit_req);
    mmu_vcpu_init(c);
    xlate_vcpu_init(c);
    return c;
}

void vcpu_unwind(struct vcpu *c)
{
    if (c->host_sp)
        host_unwind(c);
    longjmp(ev(c)->unwind, 1);
}

void exec_kick(struct vcpu *c)
{
    __atomic_store_n(&c->exit_req, 1, __ATOMIC_RELEASE);
    pthread_mutex_lock(&ex.lock);
    if (ev(c)->asleep)
        pthread_cond_signal(&ev(c)->wake);
    pthread_mutex_unlock(&ex.lock);
}

void exec_set_line(struct vcpu *c, enum vcpu_line line, bool level)
{
    if (level)
        __atomic_fetch_or(&c->lines, 1u << line, __ATOMIC_RELEASE);
    else
        __atomic_fetch_and(&c->lines, ~(1u << line), __ATOMIC_RELEASE);
    if (level)
        exec_kick(c);
}

bool exec_line(const struct vcpu *c, enum vcpu_line line)
{
    return __atomic_load_n(&c->lines, __ATOMIC_ACQUIRE) >> line & 1;
}

/* Lock held: sleep while the vCPU has nothing to do. */
static void sleep_locked(struct exec_vcpu *v)
{
    v->asleep = true;
    pthread_cond_wait(&v->wake, &ex.lock);
    v->asleep = false;
}

/* A vCPU sleeps outside translated code: nobody who waits for it there has to wake it. */
static void want_wait(struct vcpu *c, int how)
{
    ev(c)->wait = how;
    __atomic_store_n(&c->exit_req, 1, __ATOMIC_RELEASE);
}

void exec_wait(struct vcpu *c) { want_wait(c, WAIT_INTERRUPT); }

void exec_wait_event(struct vcpu *c)
{
    if (!__atomic_exchange_n(&ev(c)->event, false, __ATOMIC_SEQ_CST))
        want_wait(c, WAIT_EVENT);
}

void exec_send_event(struct vcpu *c, bool all)
{
    for (unsigned i = 0; i < ex.n; i++) {
        struct exec_vcpu *v = &ex.v[i];
        if (!all && v != ev(c))
            continue;
        __atomic_store_n(&v->event, true, __ATOMIC_SEQ_CST);
        if (v == ev(c))
            continue;
        pthread_mutex_lock(&ex.lock);
        if (v->asleep)
            pthread_cond_signal(&v->wake);
        pthread_mutex_unlock(&ex.lock);
    }
}

/*
 * WFI. To sleep and to be woken costs the host some 30 us, which is more than threads of the guest that wake each other on
 * different vCPUs do in between. So a vCPU looks for a while whether it is wanted before it sleeps. After it did so in vain (nothing
 * is going on, or who would wake it has no host CPU meanwhile) it sleeps at once the next time; after that the next three times, and so
 * on, so that an idle machine does not pay.
 */
#define POLL 20000u                               /* ns */
#define POLL_LOOKS 50                             /* between two looks at the clock */
#define POLL_SKIP_MAX 255u

/* Is it wanted soon? */
static bool poll_interrupt(struct exec_vcpu *v)
{
    if (v->skip) {
        v->skip--;
        return false;
    }
    uint64_t begun = now_ns();
    do {
        for (unsigned i = 0; i < POLL_LOOKS; i++) {
            if (__atomic_load_n(&v->c->exit_req, __ATOMIC_ACQUIRE)) {
                v->in_vain /= 2;
                return true;
            }
            __builtin_ia32_pause();
        }
    } while (now_ns() - begun < POLL);
    v->skip = v->in_vain = MIN(2 * v->in_vain + 1, POLL_SKIP_MAX);
    return false;
}

static void wait_interrupt(struct exec_vcpu *v)
{
    if (ex.n > 1 && !v->guest->has_work(v->c) && poll_interrupt(v))
        return;
    pthread_mutex_lock(&ex.lock);
    while (!v->guest->has_work(v->c) && !ex.stop && !ex.pause && !v->off)
        sleep_locked(v);
    pthread_mutex_unlock(&ex.lock);
}

/*
 * WFE. The clearing of an exclusive monitor by another vCPU's store is an event that nobody sees here, so that sleep is bounded;
 * an early end is allowed (Arm ARM DDI 0487, D1.6.1). The first waits of a row only let other threads run: a spinlock's
 * owner may be one of them.
 */
#define IDLE_YIELDS 30
#define IDLE_SHORT 300                            /* sleeps of 100 us before they are of 1 ms */
#define IDLE_ROW 1000000u                         /* ns between two WFEs of a row at most, above the sleep */

static void wait_event(struct exec_vcpu *v)
{
    v->idle = now_ns() - v->idle_at < IDLE_ROW ? v->idle + 1 : 0;
    if (v->idle < IDLE_YIELDS) {
        sched_yield();
    } else {
        struct timespec end;
        clock_gettime(CLOCK_MONOTONIC, &end);
        end.tv_nsec += v->idle < IDLE_SHORT ? 100000 : 1000000;
        if (end.tv_nsec >= 1000000000) {
            end.tv_nsec -= 1000000000;
            end.tv_sec++;
        }
        pthread_mutex_lock(&ex.lock);
        if (!__atomic_load_n(&v->event, __ATOMIC_SEQ_CST) && !v->guest->has_work(v->c) && !ex.stop && !ex.pause && !v->off) {
            v->asleep = true;
            pthread_cond_timedwait(&v->wake, &ex.lock, &end);
            v->asleep = false;
        }
        pthread_mutex_unlock(&ex.lock);
    }
    v->idle_at = now_ns();
}

void exec_yield(struct vcpu *c)
{
    if (ex.n < 2)
        return;
    quiet_pause(c->index);
    sched_yield();
    quiet_resume(c->index);
}

void exec_set_power(struct vcpu *c, bool on)
{
    struct exec_vcpu *v = ev(c);
    pthread_mutex_lock(&ex.lock);
    v->off = !on;
    pthread_mutex_unlock(&ex.lock);
    exec_kick(c);
}

void exec_wait_off(struct vcpu *c)
{
    struct exec_vcpu *v = ev(c);
    pthread_mutex_lock(&ex.lock);
    while (ex.started && v->off && !v->parked && !ex.stop)
        pthread_cond_wait(&ex.acked, &ex.lock);
    pthread_mutex_unlock(&ex.lock);
}

static bool halted(const struct exec_vcpu *v) { return v->halt != HALT_NONE || v->debug == DEBUG_HOLD; }

/* Between runs: honour stop, pause and power. false: the thread ends. */
static bool may_run(struct exec_vcpu *v)
{
    bool go = true;
    pthread_mutex_lock(&ex.lock);
    while (ex.pause || v->off || ex.stop || halted(v)) {
        if (ex.stop) {
            go = false;
            break;
        }
        v->held = ex.pause;
        v->parked = true;
        pthread_cond_broadcast(&ex.acked);
        sleep_locked(v);
    }
    v->held = v->parked = false;
    pthread_mutex_unlock(&ex.lock);
    return go;
}

/* ---- debugger ---- */

static void halt(struct exec_vcpu *v, enum exec_halt why, uint64_t va)
{
    pthread_mutex_lock(&ex.lock);
    v->halt_va = va;
    v->halt = why;
    pthread_mutex_unlock(&ex.lock);
    ex.on_halt(v->c);
}

static void on_watch(struct vcpu *c, uint64_t va, bool write)
{
    halt(ev(c), write ? HALT_WRITE : HALT_READ, va);
    vcpu_unwind(c);
}

void exec_set_debug(struct vcpu *c, enum exec_debug how)
{
    struct exec_vcpu *v = ev(c);
    pthread_mutex_lock(&ex.lock);
    v->debug = how;
    v->halt = HALT_NONE;
    c->stepping = how == DEBUG_STEP;
    pthread_mutex_unlock(&ex.lock);
}

enum exec_halt exec_halted(const struct vcpu *c, uint64_t *va)
{
    *va = ev(c)->halt_va;
    return ev(c)->halt;
}

void exec_on_halt(void (*on_halt)(struct vcpu *c)) { ex.on_halt = on_halt; }

void exec_set_watches(const struct debug_watch *w, unsigned n) { mmu_set_debug_watches(w, n, on_watch); }

static void *vcpu_main(void *arg)
{
    struct exec_vcpu *v = arg;
    struct vcpu *c = v->c;
    __atomic_store_n(&v->tid, gettid(), __ATOMIC_RELAXED);
    fault_thread_init(c);
    mem_master = c->index;
    while (may_run(v)) {
        v->wait = WAIT_NONE;                      /* a wait may always end early; after a reset there is none */
        mmu_switch(c);
        if (setjmp(v->unwind))
            quiet_leave(c->index);
        for (;;) {
            __atomic_store_n(&c->exit_req, 0, __ATOMIC_SEQ_CST);
            mmu_tlbi_complete(c);                 /* it may sleep now, or be held for a debugger or for good */
            if (__atomic_load_n(&ex.pause, __ATOMIC_ACQUIRE) || __atomic_load_n(&ex.stop, __ATOMIC_ACQUIRE) || v->off || halted(v))
                break;
            mmu_sample(c);
            if (v->wait == WAIT_INTERRUPT)
                wait_interrupt(v);
            else if (v->wait == WAIT_EVENT)
                wait_event(v);
            v->wait = WAIT_NONE;
            uint64_t begun = now_ticks();
            if (!c->stepping)                     /* a step goes through the program, not into interrupts */
                v->guest->poll_irq(c);
            mmu_count_exit(c, MMU_EXIT_interrupt, begun);
            enum xlate_end end = xlate_run(c);
            if (unlikely(end != XLATE_ASKED))
                halt(v, end == XLATE_BREAK ? HALT_BREAK : HALT_STEP, 0);
        }
    }
    pthread_mutex_lock(&ex.lock);
    v->held = true;
    pthread_cond_broadcast(&ex.acked);
    pthread_mutex_unlock(&ex.lock);
    return NULL;
}

void exec_start(void)
{
    static const int own[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
    sigset_t most, old;
    fault_init();
    ex.started = true;
    /* Other signals are the main thread's: translated code has no stack for their handlers. */
    sigfillset(&most);
    for (unsigned i = 0; i < ARRAY_LEN(own); i++)
        sigdelset(&most, own[i]);
    pthread_sigmask(SIG_BLOCK, &most, &old);
    for (unsigned i = 0; i < ex.n; i++)
        if (pthread_create(&ex.v[i].thread, NULL, vcpu_main, &ex.v[i]))
            die("cannot start a vCPU thread");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void kick_all(void)
{
    for (unsigned i = 0; i < ex.n; i++)
        exec_kick(ex.v[i].c);
}

void exec_pause_all(void)
{
    pthread_mutex_lock(&ex.lock);
    __atomic_store_n(&ex.pause, true, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&ex.lock);
    if (!ex.started)
        return;                                   /* they will start held */
    kick_all();
    pthread_mutex_lock(&ex.lock);
    for (unsigned i = 0; i < ex.n; i++)
        while (!ex.v[i].held)
            pthread_cond_wait(&ex.acked, &ex.lock);
    pthread_mutex_unlock(&ex.lock);
}

void exec_resume_all(void)
{
    pthread_mutex_lock(&ex.lock);
    __atomic_store_n(&ex.pause, false, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < ex.n; i++)
        pthread_cond_signal(&ex.v[i].wake);
    pthread_mutex_unlock(&ex.lock);
}

void exec_stop(void)
{
    if (!ex.started)
        return;
    pthread_mutex_lock(&ex.lock);
    __atomic_store_n(&ex.stop, true, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&ex.lock);
    kick_all();
    for (unsigned i = 0; i < ex.n; i++)
        pthread_join(ex.v[i].thread, NULL);
    ex.started = false;
}

struct vcpu *exec_vcpu(unsigned i) { return i < ex.n ? ex.v[i].c : NULL; }

int exec_thread_id(unsigned i) { return i < ex.n ? (int)__atomic_load_n(&ex.v[i].tid, __ATOMIC_RELAXED) : 0; }
