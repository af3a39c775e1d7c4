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
/* Sleep until has_work(), a line, or a kick (WFI). Called by a helper of the vCPU's own thread. */
void exec_wait(struct vcpu *c);
/* Make the vCPU leave translated code soon. Any thread. */
void exec_kick(struct vcpu *c);
/* Stop all vCPU threads for good; used at power off. Any thread but a vCPU's may wait for them. */
void exec_stop(void);

#endif
