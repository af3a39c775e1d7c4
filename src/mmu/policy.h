/*
 * policy.h - what paging=auto decides, for statistics: costs, events, address spaces.
 *
 * Read only when no vCPU runs. Must not be needed to run a guest.
 */
#ifndef GNOMON_MMU_POLICY_H
#define GNOMON_MMU_POLICY_H

#include "base/base.h"

/* Costs on this host, calibrated at start. X(field, meaning), in nanoseconds unless said otherwise. */
#define POLICY_COSTS(X)                                                              \
    X(fault, "a SIGSEGV, taken and returned from")                                   \
    X(map, "one mmap of one page, populated")                                        \
    X(page, "each further page of a populated run")                                  \
    X(unmap, "taking one page out of a window")                                      \
    X(soft_access, "picoseconds of a load through the software TLB")                 \
    X(window_access, "picoseconds of a load through a window")                       \
    X(calibration, "the calibration itself")
struct policy_costs {
#define X(f, m) uint64_t f;
    POLICY_COSTS(X)
#undef X
};
const struct policy_costs *policy_costs(void);

/* Regions: it was hot, but its memory is in more regions than there are slots, and it stays where it was. */
enum policy_reason { POLICY_HOT, POLICY_CHURN, POLICY_NEW_OWNER, POLICY_REGIONS };
extern const char *const policy_reason_name[];

/* One decision. The first POLICY_EVENTS of a run are kept. */
#define POLICY_EVENTS 4096u
struct policy_event {
    uint64_t at;                                 /* nanoseconds since the start */
    uint64_t root;                               /* of the address space */
    uint16_t asid;
    bool windows;                                /* its mode from now on */
    uint8_t reason;                              /* enum policy_reason */
    int64_t balance, cost;                       /* nanoseconds: what was weighed */
    uint32_t pages;                              /* prefilled */
};
const struct policy_event *policy_events(unsigned *n, uint64_t *lost);

/* An address space that is still known. */
struct policy_space {
    uint64_t root;
    uint16_t asid;
    bool windows;
    uint8_t demotions;
    uint64_t user_ns;                            /* sampled time in user mode */
    uint64_t refills, faults, fills, drops;      /* over its life */
};
unsigned policy_spaces(struct policy_space *out, unsigned max);  /* the MAX with most user time, most first */

#endif
