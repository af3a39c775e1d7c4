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
    bool verify;                                 /* every access calls C */
    bool check_ir;                               /* run the IR verifier on every block */
    size_t code_size;                            /* bytes of code area */
    bool perf_map;
};
void xlate_init(const struct xlate_config *cfg, const struct guest_ops *guest, const struct ir_mem_ops *mem);
void xlate_vcpu_init(struct vcpu *c);

/* Run the vCPU from its pc until exit_req, a debugger's breakpoint (not executed), or vcpu.stepping's one instruction. */
enum xlate_end { XLATE_ASKED, XLATE_BREAK, XLATE_STEPPED };
enum xlate_end xlate_run(struct vcpu *c);
/* A debugger's breakpoints from now on: guest addresses, copied. Every vCPU is held. */
void xlate_set_breaks(const uint64_t *va, unsigned n);

/* A SIGSEGV's ucontext: if a known access of translated code faulted, continue at its slow path. Async-signal-safe. */
bool xlate_fault(struct vcpu *c, void *ucontext);
/* For crash reports: the block that holds host_pc. */
bool xlate_describe_pc(const void *host_pc, uint64_t *gpa, const void **entry);

/* What happened, for -stats. X(field, meaning) */
#define XLATE_STATS(X)                                                      \
    X(blocks, "blocks translated")                                          \
    X(guest_insns, "guest instructions translated")                         \
    X(host_bytes, "bytes of host code made")                                \
    X(translate_ns, "nanoseconds spent translating")                        \
    X(lookups, "look-ups of the next block in C")                           \
    X(chained, "exits chained")                                             \
    X(removed, "blocks dropped because their code changed")                 \
    X(evicted, "blocks evicted for room")                                   \
    X(invalidations, "instruction cache maintenance requests")              \
    X(patched_sites, "access sites sent straight to their slow path")       \
    X(repredicted, "blocks made anew because their region checks failed")   \
    X(host_faults, "SIGSEGVs taken by translated code")
struct xlate_stats {
#define X(f, m) uint64_t f;
    XLATE_STATS(X)
#undef X
};
const struct xlate_stats *xlate_stats(void);

/* Code at physical [gpa, gpa + len) may have changed (IC IVAU, DMA): its blocks go. */
void xlate_invalidate(uint64_t gpa, uint64_t len);
/* Every block must be checked against memory before it runs again (IC IALLU). */
void xlate_invalidate_all(void);
/* Drop every block (machine reset). No vCPU runs. */
void xlate_reset(void);
/* What c's mode flags are in some page changed without its address space or mode changing (breakpoints): no jump skips the look-up. */
void xlate_flags_changed(struct vcpu *c);
/* What c fetches code through, or its mode flags, may have changed: the keys of its jump cache follow. */
void xlate_mode_changed(struct vcpu *c);
/* Other address spaces are in force (mmu_switch()); mode flags are what they were. */
void xlate_switch(struct vcpu *c);

#endif
