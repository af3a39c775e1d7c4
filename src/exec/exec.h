/*
 * exec.h - vCPU threads: run loop, interrupt lines into the vCPU, WFI sleep, start and stop.
 *
 * Owns the threads. Must not know chips; the board connects lines through struct irq.
 */
#ifndef GNOMON_EXEC_EXEC_H
#define GNOMON_EXEC_EXEC_H

#include "guest/guest.h"

/* Interrupt inputs of a vCPU. */
enum vcpu_line { LINE_IRQ, LINE_FIQ, LINE_COUNT };

struct vcpu *exec_add_vcpu(const struct guest_ops *ops);      /* before exec_start() */
void exec_start(void);                                         /* threads begin */
void exec_set_line(struct vcpu *c, enum vcpu_line line, bool level);  /* any thread */
bool exec_line(const struct vcpu *c, enum vcpu_line line);
/*
 * WFI, WFE: called by a helper of the vCPU's own thread, whose block must end behind it (IR_EXIT_DISPATCH). The run loop then sleeps:
 * until has_work() or a pause; until exec_send_event(), work, or a short time has passed.
 */
void exec_wait(struct vcpu *c);
void exec_wait_event(struct vcpu *c);
void exec_send_event(struct vcpu *c, bool all);   /* SEV; SEVL: to c only */
void exec_yield(struct vcpu *c);                  /* c's guest spins: let another thread run */
/* Make the vCPU leave translated code soon. Any thread. */
void exec_kick(struct vcpu *c);
/*
 * Power (PSCI), machine lock held. A vCPU that is off runs no guest code; vCPUs start on. Off for the caller's own vCPU takes
 * effect when it next gets to its run loop (follow with machine_unlock() and vcpu_unwind()); on is for a vCPU that is off, whose
 * state the caller has set up.
 */
void exec_set_power(struct vcpu *c, bool on);
/* After exec_set_power(c, false): wait until it is asleep in its run loop, so that its state may be set. Not the caller's own vCPU. */
void exec_wait_off(struct vcpu *c);
/*
 * Hold every vCPU outside guest code, helpers and devices (those off or in WFI included) until exec_resume_all(); for reset and
 * snapshots. Main thread, machine lock not held. While held, their state may be changed. Before exec_start(): they start held.
 */
void exec_pause_all(void);
void exec_resume_all(void);
/*
 * A debugger's control. A vCPU halts by itself at a breakpoint or before a watched access, and after one instruction if stepped;
 * on_halt() then runs on its thread and may only hand on. Settings are made while all vCPUs are held; a halted one goes on after
 * exec_set_debug().
 */
enum exec_debug { DEBUG_RUN, DEBUG_STEP, DEBUG_HOLD };
enum exec_halt { HALT_NONE, HALT_BREAK, HALT_STEP, HALT_READ, HALT_WRITE };
void exec_set_debug(struct vcpu *c, enum exec_debug how);
enum exec_halt exec_halted(const struct vcpu *c, uint64_t *va);      /* va: of HALT_READ and HALT_WRITE */
void exec_on_halt(void (*on_halt)(struct vcpu *c));
/* The ranges that halt; see mmu_set_debug_watches(). */
struct debug_watch;
void exec_set_watches(const struct debug_watch *w, unsigned n);
/* Stop all vCPU threads for good; used at power off. Any thread but a vCPU's may wait for them. */
void exec_stop(void);
struct vcpu *exec_vcpu(unsigned i);              /* NULL past the last */

int exec_thread_id(unsigned i);                  /* of vCPU i's thread, as the host numbers it; 0 before exec_start() */

/* fault.c: signal handlers; the thread part for a thread that runs translated code of c. */
void fault_init(void);
void fault_thread_init(struct vcpu *c);

#endif
