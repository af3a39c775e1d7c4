/*
 * psci.h - firmware calls: PSCI 1.1 and SMCCC 1.1 by HVC.
 */
#ifndef GNOMON_BOARD_PSCI_H
#define GNOMON_BOARD_PSCI_H

#include "guest/a64/state.h"

struct psci;

/* CPU[0] is on, the others off until CPU_ON. */
struct psci *psci_new(struct vcpu *const *cpu, unsigned ncpu);
/* Machine lock held, no vCPU running: CPU 0 on, the others off. */
void psci_reset(struct psci *p);
extern const struct a64_smccc_ops psci_ops;      /* opaque is the struct psci */

#endif
