/*
 * machine.h - a machine of two vCPUs that do nothing, for targets that talk to a debugger's or a monitor's session.
 *
 * Owns the vCPUs, RAM's mapping (virtual is physical) and the chardev in front of which the session sits. What a session says is
 * read, so that the sanitizer sees it, and thrown away.
 */
#ifndef GNOMON_FUZZ_MACHINE_H
#define GNOMON_FUZZ_MACHINE_H

#include <string.h>

#include "base/loop.h"
#include "board/run.h"
#include "exec/exec.h"
#include "hw/chardev.h"
#include "mem/mem.h"
#include "mmu/mmu.h"

#define M_RAM 0x40000000ull
#define M_RAM_SIZE 0x10000u
#define M_CPUS 2u

static struct vcpu m_vcpu[M_CPUS];
static struct chardev_front m_front;
static size_t m_room = SIZE_MAX;
static unsigned m_holds;
static enum run_state m_state;
static struct run_listener *m_listener;

/* ---- the chardev ---- */

void chardev_attach(struct chardev *c, const struct chardev_front *f) { m_front = *f; }
void chardev_write(struct chardev *c, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        (void)*(volatile const uint8_t *)(buf + i);
}
void chardev_accept_input(struct chardev *c) { }
size_t chardev_room(const struct chardev *c) { return m_room; }
bool chardev_is_mux(const struct chardev *c) { return false; }

/* A session of its own for each input. */
static void m_session(const uint8_t *data, size_t size)
{
    m_front.event(m_front.opaque, CHARDEV_OPENED);
    for (size_t n; size; data += n, size -= n) {
        n = m_front.can_receive(m_front.opaque);
        n = n < size ? n : size;
        if (!n)
            break;
        m_front.receive(m_front.opaque, data, n);
    }
    m_front.event(m_front.opaque, CHARDEV_CLOSED);
    if (m_holds)
        bug("a session ended with the machine held");
}

/* ---- states ---- */

static void m_tell(enum run_event e)
{
    if (m_listener)
        m_listener->event(m_listener->opaque, e, CAUSE_HOST_SIGNAL);
}

enum run_state run_state(void) { return m_state; }
const char *run_state_name(enum run_state s) { return "state"; }
void run_listen(struct run_listener *l) { m_listener = l; }
void run_hold(void) { m_holds++; }
void run_release(void)
{
    if (!m_holds--)
        bug("released, not held");
}
void run_powerdown(void) { }
void run_request_reset(enum run_cause cause) { }
void run_request_shutdown(enum run_cause cause) { m_state = RUN_SHUTDOWN; }
void run_pause(void)
{
    if (m_state == RUN_RUNNING) {
        m_state = RUN_PAUSED;
        m_tell(EVENT_STOP);
    }
}
bool run_continue(void)
{
    if (m_state == RUN_SHUTDOWN)
        return false;
    m_state = RUN_RUNNING;
    m_tell(EVENT_RESUME);
    return true;
}

/* ---- vCPUs ---- */

struct vcpu *exec_vcpu(unsigned i) { return i < M_CPUS ? &m_vcpu[i] : NULL; }

/* ---- memory: virtual addresses are physical ones ---- */

bool mmu_peek(struct vcpu *c, uint64_t va, void *buf, size_t len)
{
    const void *p = mem_ptr(va, len);
    if (p)
        memcpy(buf, p, len);
    return p != NULL;
}

static void m_init(void)
{
    mem_init(M_RAM, M_RAM_SIZE);
    loop_init();
}

#endif
