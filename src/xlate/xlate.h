/*
 * xlate.h - translated blocks: cache by physical address and mode, chaining, jump cache, invalidation.
 *
 * Owns the code area and every struct block. Must not know devices or the guest ISA.
 */
#ifndef GNOMON_XLATE_XLATE_H
#define GNOMON_XLATE_XLATE_H

#include "guest/guest.h"
#include "host/host.h"

struct block;

struct xlate_config {
    bool jit;                                    /* false: the IR interpreter runs everything */
    bool shadow;                                 /* region accesses where the mode allows */
    size_t code_size;                            /* bytes of code area */
    bool perf_map;
};
void xlate_init(const struct xlate_config *cfg, const struct guest_ops *guest, const struct ir_mem_ops *mem);
void xlate_vcpu_init(struct vcpu *c);

/* Run the vCPU from its pc until exit_req or a dispatch exit. */
void xlate_run(struct vcpu *c);

/* Code at physical [gpa, gpa + len) may have changed (IC IVAU, DMA): its blocks go. */
void xlate_invalidate(uint64_t gpa, uint64_t len);
/* Every block must be checked against memory before it runs again (IC IALLU). */
void xlate_invalidate_all(void);
/* Instruction translations for these virtual addresses may have changed: jump caches follow (called by src/mmu users at TLBI). */
void xlate_tlbi(struct vcpu *c);

#endif
