/*
 * mmu.h - memory virtualisation: software TLB, windows, fill, synchronisation with the guest's TLB maintenance.
 *
 * Owns every mapping in a window and every software TLB entry. Asks the guest only through guest_ops.walk(). Must not know
 * the guest ISA, IR or host code. Each function with a vCPU is called by its own thread (or while that holds still) and takes
 * the mmu's lock; a caller may hold the machine's or src/xlate's.
 */
#ifndef GNOMON_MMU_MMU_H
#define GNOMON_MMU_MMU_H

#include "guest/guest.h"
#include "ir/vcpu.h"

enum paging_mode { PAGING_AUTO, PAGING_SHADOW, PAGING_SOFTTLB };
const char *mmu_paging_name(void);               /* of the mode in use */
/*
 * How windows follow the guest's TLB maintenance: lazily, comparing; by dropping what it
 * names. Or not at all: its tables are write-protected and every write to one is followed at once. Auto: by comparing, and what of
 * the high half does not change like the last.
 */
enum sync_mode { SYNC_AUTO, SYNC_TLB, SYNC_DROP, SYNC_WP };
/* Who has windows of the low half: every address space; N of them at a time; one. */
enum spt_org { ORG_PRIVATE, ORG_GROUP, ORG_SHARED };
#define SPT_PREFILL_MAX 4096u

struct mmu_config {
    enum paging_mode paging;
    enum sync_mode sync;
    enum spt_org org;
    unsigned org_windows;                        /* group: window sets; 0 = 16. At least one a vCPU, with shared, too */
    unsigned prefill;                            /* group, shared: entries installed again when a set is lent; <= SPT_PREFILL_MAX */
    bool verify;
    unsigned windows;                            /* windows (region reservations) at most, 0 = by the host's address space */
    unsigned max_vmas;                           /* 0 = from vm.max_map_count */
};

void mmu_init(const struct mmu_config *cfg, const struct guest_ops *guest);
void mmu_vcpu_init(struct vcpu *c);
/*
 * Forget every address space and what regions translated code names by slots (machine reset; xlate_reset() goes with it). No vCPU
 * runs; each must mmu_switch() before it does.
 */
void mmu_reset(void);

/* The slow paths; on a guest fault they raise it and unwind. */
extern const struct ir_mem_ops mmu_mem_ops;

/*
 * Physical address of the instruction at va, in the current mode, and the execution key under which that holds; raises the
 * guest's fault and returns false if there is one.
 */
bool mmu_fetch(struct vcpu *c, uint64_t va, uint64_t *gpa, uint64_t *key) MUST_CHECK;

/* The guest's roots, ASID or translation regime changed: bases follow. No flush. */
void mmu_switch(struct vcpu *c);
/*
 * Just after that, and after xlate_switch(): nothing but root[half] was written, so that translated code may do the same again as long
 * as mmu_epoch() stays. On the vCPU's own thread.
 */
void mmu_remember_switch(struct vcpu *c, unsigned half);
const struct vcpu_epoch *mmu_epoch(void);

/*
 * TLB maintenance, as the vCPU issues it. va is page-aligned or not; size in bytes. ANY_ASID: all ASIDs. It is done, or noted
 * and vcpu.tlbi_pending set: then the vCPU's next barrier that completes it, or leaving translated code for anything else than an
 * instruction, calls mmu_tlbi_complete(). May complete by itself.
 */
#define MMU_ANY_ASID (-1)
void mmu_tlbi_all(struct vcpu *c);
void mmu_tlbi_asid(struct vcpu *c, uint16_t asid);
void mmu_tlbi_range(struct vcpu *c, uint64_t va, uint64_t size, int asid);
/*
 * What was noted is effective on return for every vCPU: may wait for others (no lock held, see base/quiet.h). Code pages may have
 * been remapped: the vCPU must look for its next block anew, out of translated code.
 */
void mmu_tlbi_complete(struct vcpu *c);

/*
 * c's watched ranges are now r[0..n), n <= WATCH_RANGES: their pages are cached nowhere, and every access that a walk allows there
 * asks guest_ops.watch() of the vCPU that makes it.
 */
void mmu_set_watches(struct vcpu *c, const struct watch_range *r, unsigned n);
/*
 * A debugger's watched ranges, of every vCPU; n <= WATCH_RANGES. Before an access to one is made STOP runs with its address on the
 * vCPU's thread (no lock held), and does not return. Every vCPU is held.
 */
struct debug_watch {
    struct watch_range r;
    bool reads, writes;
};
void mmu_set_debug_watches(const struct debug_watch *w, unsigned n, void (*stop)(struct vcpu *c, uint64_t va, bool write));

/* Debugger and helper access by virtual address, no guest fault. false: not mapped. */
bool mmu_peek(struct vcpu *c, uint64_t va, void *buf, size_t len) MUST_CHECK;
/* The same to write, whatever the guest's permissions. Translated code follows. Every vCPU is held. */
bool mmu_poke(struct vcpu *c, uint64_t va, const void *buf, size_t len, void (*wrote)(uint64_t gpa, uint64_t len)) MUST_CHECK;

/* Key of what instruction fetch from va's half sees: equal keys mean equal translations (src/xlate's jump cache). */
uint64_t mmu_exec_key(struct vcpu *c, uint64_t va);

/* Prediction for generated code: slot of vcpu.delta that serves accesses of `view` to va, or -1. */
int mmu_slot(struct vcpu *c, enum view view, uint64_t va);
/* Was the vCPU's last access in C one that no window can serve for now (MMIO, a churning page)? */
bool mmu_last_was_soft(const struct vcpu *c);
/* The fault that led to that access was for nothing: the policy hears of it. Async-signal-safe, on the vCPU's thread. */
void mmu_wasted_fault(struct vcpu *c);
/* Accesses in C since the start that a window would have served. */
uint64_t mmu_needless_slow(void);
/* And those after which a page was brought to a window, or the guest's fault was raised. */
uint64_t mmu_window_misses(void);
/*
 * How code that runs now, fetched with view FETCH, should reach memory: which views' accesses go to windows; the others go to
 * the software TLB. Either kind of code is right at any time; the mode of a space says which is cheaper (policy.c).
 */
#define MMU_USER_WINDOWS 1u
#define MMU_KERNEL_WINDOWS 2u
unsigned mmu_windows(const struct vcpu *c, enum view fetch);
/* paging=auto: charge the time since the last call to what the vCPU is in now, and decide. On its own thread, outside code. */
void mmu_sample(struct vcpu *c);
/* NS since the last sample went into translating the program, which says nothing about its accesses. */
void mmu_spent(struct vcpu *c, uint64_t ns);

/* What happened, for -stats and `info paging`. X(field, meaning) */
#define MMU_STATS(X)                                                    \
    X(slow_accesses, "accesses that reached C")                        \
    X(fills, "window fills")                                           \
    X(filled_pages, "pages installed by fills")                        \
    X(soft_refills, "software TLB refills")                            \
    X(mmio, "MMIO accesses")                                           \
    X(guest_faults, "guest aborts raised by accesses")                 \
    X(switches, "changes of a base (TTBR writes that changed a root)") \
    X(inline_switches, "changes of a root or ASID by translated code, without an exit") \
    X(new_spaces, "address spaces seen")                               \
    X(tlbi_va, "TLBI by address or range")                             \
    X(tlbi_asid, "TLBI by ASID")                                       \
    X(tlbi_all, "TLBI of everything")                                  \
    X(tlbi_at_once, "of these TLBIs done as they were issued, without an exit") \
    X(dropped_pages, "pages dropped from windows")                     \
    X(kept_groups, "2 MiB groups found unchanged at a TLBI")          \
    X(kept_pages, "pages found unchanged at a TLBI")                   \
    X(windows_made, "windows given to a space")                        \
    X(windows_evicted, "windows taken back")                           \
    X(sets_lent, "window sets given to an address space")              \
    X(sets_taken, "window sets taken from an address space")           \
    X(prefills, "entries installed again in a lent set")               \
    X(leaf_updates, "accessed and dirty flags set as hardware sets them") \
    X(wp_writes, "writes to write-protected tables")                   \
    X(wp_tables, "pages that became tables")                           \
    X(wp_released, "pages that stopped being tables")                  \
    X(exec_rekeys, "remapped code pages")                              \
    X(window_hits, "accesses in C to pages that a window held")        \
    X(followed_groups, "groups of 2 MiB whose tables became write-protected under sync=auto") \
    X(churn_pages, "pages given to the software TLB because they churn") \
    X(samples, "samples of user mode under paging=auto")                    \
    X(promotions, "address spaces given windows")                           \
    X(demotions, "address spaces whose windows were taken: churn, or another process") \
    X(verified, "accesses checked by verify=on")
struct mmu_stats {
#define X(f, m) uint64_t f;
    MMU_STATS(X)
#undef X
};
const struct mmu_stats *mmu_stats(void);

/*
 * Exits: translated code, or the instruction that it runs, needed the emulator. Each is counted under one cause, with the time
 * spent in C (the delivery of a SIGSEGV that led there is not in it). X(name, meaning)
 */
#define MMU_EXITS(X)                                                                      \
    X(held, "access to what a window or software TLB held: a site that was patched, or crosses a page") \
    X(fill, "page installed in a window")                                                 \
    X(soft_refill, "software TLB refill")                                                 \
    X(write_protection, "write to a write-protected table")                               \
    X(mmio, "device access, the device's time included")                                 \
    X(guest_fault, "abort raised for the guest")                                          \
    X(tlbi_va, "barrier that completes TLB maintenance, by address or range only")       \
    X(tlbi_asid, "the same, some of it by ASID")                                         \
    X(tlbi_all, "the same, some of it of everything")                                    \
    X(switch_base, "change of a root or ASID: a register write, no look at any table")   \
    X(switch_compare, "the same, of a space that had to be compared with its tables first") \
    X(interrupt, "asked to look for interrupts")
enum mmu_exit {
#define X(name, meaning) MMU_EXIT_##name,
    MMU_EXITS(X)
#undef X
    MMU_EXIT_COUNT
};
struct mmu_exits { uint64_t count, ns; };
struct mmu_exits mmu_exits(enum mmu_exit cause);  /* of all vCPUs */
/* An exit that began when now_ticks() was BEGUN has ended. */
void mmu_count_exit(struct vcpu *c, enum mmu_exit cause, uint64_t begun);
struct mmu_vmas { unsigned now, peak, max; };
struct mmu_vmas mmu_vmas(void);                  /* VMAs in windows, and the budget */

/* The aligned 8 bytes at va if a window or the software TLB holds them; no walk. */
bool mmu_peek_cached(const struct vcpu *c, uint64_t va, enum view view, uint64_t *out) MUST_CHECK;

/* Translate for AT instructions and cache maintenance: no raise. */
enum walk_status mmu_probe(struct vcpu *c, uint64_t va, enum access acc, enum view view, struct walk *out);

#endif
