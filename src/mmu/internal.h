/*
 * internal.h - the structures that src/mmu's files share.
 *
 * A space is one half of a guest address space as the guest names it (root, configuration); the ASIDs it was used with hang
 * on it. It owns up to REGION_SLOTS windows a group, a software TLB a vCPU and view, and the list of pages code was fetched from.
 * Not for other folders.
 *
 * Locking. mmu.lock is taken at the public entry points (mmu.h, and the slow paths of slow.c but held(), which keep it until the
 * access is done); everything inside runs under it as if there were one vCPU. Its holder never waits: not for the machine lock (MMIO is
 * called without it), not for a vCPU, not for src/xlate's lock. It is taken after those two. Guest faults are raised without it.
 *
 * Without the lock, a vCPU's own translated code reads its vcpu.delta[], region tables and software TLB arrays. A window is shared
 * by the vCPUs that run its space: unmapping it is also the host's shootdown. An array belongs to one vCPU: it alone fills or
 * replaces it, under the lock; others may only invalidate tags, by 8-byte stores, and note the owner with mmu_touched(). A
 * TLBI that touched something of another vCPU waits, after the lock is released, until that vCPU has left translated code
 * (base/quiet.h): it may have been between probe and access. A space in force on any vCPU keeps its windows and arrays.
 *
 * Translated code switches spaces without the lock (IR_ROOT, host/x86_64/root.c), as mmu_remember_switch() has noted it. A note says:
 * both roots have been written just so on this vCPU, under the lock, at mmu.epoch.gen. While gen stays, the spaces live, are not
 * stale, have been used with that ASID, and have these windows; and leaving one leaves nothing to be done but what roots.in_c tells.
 * Whatever ends that moves gen, with the lock (mmu_forget_switches()). Arrays and exec_key are reached through the space, as they
 * are then. What the registers mean besides (TCR, SCTLR) is the guest's to tell: vcpu_forget_switches().
 *
 * The order. The vCPU compares gen; copies deltas, region table entries and arrays' descriptors; exchanges roots.space[], a full barrier;
 * looks whether the lock is held (epoch.busy) or gen has moved; only then reads exec_key and goes on. The holder of the lock sets
 * busy, a full barrier; looks at roots.space[] of others; changes things; moves gen; clears busy. Of the two barriers one is first. The vCPU's:
 * the holder finds the space in force and treats the vCPU accordingly (waits for it, writes its deltas: after the vCPU's own copy).
 * The holder's: the vCPU sees busy, or what was stored before busy was cleared, which is gen; it notes roots.undone and calls C, which
 * takes the lock and begins anew. Until then roots.space[] may name a space that was freed, and the copy may be of one: such structures are
 * kept for re-use, never returned, and the vCPU makes no access before C has put it right. A vCPU that is alone needs none of this.
 */
#ifndef GNOMON_MMU_INTERNAL_H
#define GNOMON_MMU_INTERNAL_H

#include <pthread.h>

#include "mem/mem.h"
#include "mmu/mmu.h"
#include "mmu/policy.h"

#define MMU_VCPUS 8
#define REGION_SIZE (1ull << REGION_SHIFT)
#define GROUP_SHIFT 21                            /* a group record describes 2 MiB of a window */
#define GROUP_PAGES 512
#define WINDOW_GROUPS (1u << (REGION_SHIFT - GROUP_SHIFT))

/* What is installed at one page of a window: 0, or the guest physical page and these. */
#define REC_R 1ull
#define REC_W 2ull
#define REC_GLOBAL 4ull
#define REC_SHIFT_LSB 3                           /* log2 leaf size - 12, 5 bits */
#define REC_GPA(r) ((r) & 0x0000fffffffff000ull)
#define REC_LEAF_SHIFT(r) (12 + (unsigned)((r) >> REC_SHIFT_LSB & 31))

struct group_rec {
    uint64_t va;                                  /* of its first page */
    uint32_t used;                                /* non-zero entries */
    uint32_t pos;                                 /* in window.groups */
    uint32_t max_leaf_shift;                      /* largest leaf installed here */
    uint64_t e[GROUP_PAGES];
    /*
     * Where the entries came from, so that a whole group is compared with one walk: one leaf table (4 KiB leaves), or one
     * descriptor of a larger leaf, whose address this is then and desc[0] its value. Mixed: several, or none.
     */
    uint64_t table, table_attrs;
    bool mixed, block;
    bool linear;                                  /* the descriptors of e[] are lin + i pages: a mapping of contiguous memory */
    bool followed;                                /* its tables are write-protected (sync=auto): right at every moment */
    uint32_t looks;                               /* found unchanged so often: sync.c, follow() */
    uint8_t n_way;                                /* 0: not known */
    uint64_t lin;
    /* The descriptors that lead to the table, or to the block and its own, and their values when that was last looked at. */
    struct { const uint64_t *at; uint64_t v; } way[4];
    uint64_t have[GROUP_PAGES / 64];              /* a bit for each non-zero e[] */
    uint64_t desc[GROUP_PAGES];                   /* the descriptors that e[] was made from */
    uint32_t *alias;                              /* [GROUP_PAGES], wp.c: e[]'s place in its page's list of writable mappings */
};

struct window {
    struct space *owner;                          /* NULL: spare */
    uint64_t va;                                  /* guest address of the region's first byte */
    uint8_t *base;                                /* host address of it */
    struct group_rec **l1;                        /* [WINDOW_GROUPS], lazily touched */
    struct group_rec **groups;                    /* the records in use, dense */
    uint32_t n_groups, cap_groups;
    uint32_t n_open;                              /* those not followed are in front */
    uint32_t pages;                               /* installed */
    uint32_t local_pages;                         /* of them not global */
    uint32_t vmas;                                /* boundaries between VMAs inside */
    uint32_t max_leaf_shift;                      /* largest leaf ever installed since the last wipe */
    uint8_t group, slot;                          /* enum region_group; slot in it */
};

/* tlb_entry.pte: the guest physical page, the walk's PERM_* and this. */
#define TLB_NO_WINDOW 0x100ull                    /* windows refused the page: accesses through windows are served from here */

/* A software TLB of one view, on one vCPU. */
struct softtlb {
    struct tlb_desc d;                            /* of a space in use always one that may be probed; vcpu_switch.tlb[] leads here */
    bool filled;                                  /* since the last clear */
    bool has_local;                               /* holds entries that are not global */
    uint32_t refills;                             /* since the last resize or flush */
    uint64_t large_lo, large_hi;                  /* hull of the entries that came from leaves above 4 KiB */
};

/* views: a bit each that fetched; leaf, desc, attrs, shift: as in the walk that led to gpa, leaf 0 if there were several */
struct exec_page { uint64_t va, gpa, leaf, desc, attrs; bool used; uint8_t views, shift; };

/* The pages filled last, for spt-prefill: a ring, allocated at the first fill. */
struct recent { uint64_t *va; uint32_t n, at; };

/* An address space's account under paging=auto (policy.c), in nanoseconds. */
struct policy {
    bool windows;                                 /* mode; read without the lock */
    uint8_t demotions;
    int64_t balance;                              /* what windows saved, or would have, less what they cost */
    int64_t wait;                                 /* without windows: look at the working set when the balance is this; with: overdraft */
    uint64_t debited;                             /* now_ticks() when the balance last sank */
    uint64_t user_ns;
    uint64_t translate_ns;                        /* of its code, by whichever vCPU: atomic */
    uint64_t refills, faults, fills, drops;
};

#define SPACE_ASIDS 4
struct space {
    struct space_id id;
    uint8_t half;
    bool stale;                                   /* must be compared with its tables before it is in force again */
    bool has_global;                              /* a global leaf was ever cached */
    uint8_t n_asids;
    uint16_t asid[SPACE_ASIDS];
    uint64_t *more_asids;                         /* a bit each, allocated when there are more: a kernel's half with KPTI has all */
    uint64_t last_used;                           /* now_ticks() */
    struct space *hash_next;
    struct window *win[REGION_GROUPS][REGION_SLOTS];
    unsigned n_wins;                              /* of them there */
    struct recent recent;
    struct policy policy;
    struct softtlb tlb[MMU_VCPUS][VIEW_COUNT];
    uint64_t exec_key;                            /* changes when a page code was fetched from is remapped */
    uint32_t n_exec, cap_exec;
    bool exec_local;                              /* some of them are tied to an ASID */
    uint32_t exec_shift;                          /* largest leaf code was fetched through */
    uint64_t exec_lo, exec_hi;                    /* hull of exec[] */
    struct exec_page *exec;                       /* hash by va of the pages fetched from under exec_key */
};

/* TLB maintenance that a vCPU has issued and no barrier has completed (tlbi.c): an ASID, or a range of addresses under it. */
#define TLBI_NOTES 8u
#define NAMED 4u                                  /* TLBIs whose spaces a vCPU remembers: a process has two ASIDs under KPTI */
#define NAMED_SPACES 6u
struct tlbi_note { bool range; int asid; uint64_t va, last; };
struct tlbi_notes {
    uint8_t kind;                                 /* enum mmu_exit of the widest of them, in the enum's order; 0: none */
    uint8_t n;
    uint32_t count[3];                            /* operations by address, by ASID, of everything */
    struct tlbi_note note[TLBI_NOTES];            /* not of everything: then there are none */
};
/* The spaces that a TLBI names: by ASID, or of addresses in a half under one. True as long as mmu.names is NAMES. */
enum names { NAMES_LOW, NAMES_HIGH, NAMES_ASID };
struct named {
    uint64_t names;                               /* 0: none */
    int asid;
    uint8_t what;                                 /* enum names */
    uint8_t n;                                    /* more than NAMED_SPACES: too many to remember */
    struct space *s[NAMED_SPACES];
};
_Static_assert(MMU_EXIT_tlbi_va > 0 && MMU_EXIT_tlbi_asid == MMU_EXIT_tlbi_va + 1 &&
               MMU_EXIT_tlbi_all == MMU_EXIT_tlbi_va + 2, "tlbi_notes.kind");

struct mmu_vcpu {
    struct vcpu *c;
    unsigned index;                               /* in mmu.vcpu */
    bool in_mmio;                                 /* a device is called for an address translated under the lock */
    uint8_t cause;                                /* enum mmu_exit of the exit in progress, as far as is known */
    uint64_t begun;                               /* its now_ticks() */
    struct { uint64_t count, ticks; } exits[MMU_EXIT_COUNT];
    uint32_t wasted;                              /* faults of user code since the last sample that no fill followed */
    bool last_soft;                               /* see mmu_last_was_soft() */
    uint8_t held;                                 /* accesses by held() since the last that was counted */
    uint64_t gen;                                 /* mmu.epoch's at the end of its last mmu_switch() */
    struct tlbi_notes tlbi;                       /* its own thread's */
    struct named named[NAMED];
    unsigned named_next;
    /* The last range that was done at once, and of whom: nothing is cached of it, and nothing of [lo, hi] is in a window or code. */
    struct { struct named of; uint64_t soft_cached, shown, va, last, lo, hi; } at_once;
    uint64_t switches;                            /* changes of a root in C */
    uint64_t sampled;                             /* its thread's CPU time at the last mmu_sample(), and translation since */
    uint64_t in_c;                                /* now_ticks() that exits took since */
    int64_t rt_user[REGION_TABLE], rt_kernel[REGION_TABLE];
    bool kernel_low;                              /* a kernel view's TLB may hold low-half entries */
};

/*
 * Churn: a page that is installed and dropped again and again (a fixmap slot, a page that is copied on write, memory got and given
 * back) costs more in mmap than the software TLB would. When it was dropped, or lost the right to be written, CHURN_DROPS times, it
 * is served by the software TLB, until it was used CHURN_USES times without a drop: such a use costs some 10 ns, what it would save
 * (a fault, an mmap, an unmap) some 10 us. One use in HELD_SAMPLE is counted, as so many.
 */
#define CHURN_BITS 13
#define CHURN_PAGES (1u << CHURN_BITS)
#define CHURN_DROPS 3
#define CHURN_USES 1600
#define HELD_SAMPLE 16
#define CHURN_RANGE (64 * PAGE_SIZE)              /* a TLBI by address of more does not make pages look unused, */
#define CHURN_WIDE 4096u                          /* one that changes more pages says nothing of those behind, */
#define CHURN_SMALL 32u                           /* and the end of a process of more in one window */
struct churn { uint64_t va; const struct space *s; uint32_t drops, uses; };

struct mmu_state {
    struct mmu_config cfg;
    const struct guest_ops *guest;
    pthread_mutex_t lock;
    struct vcpu_epoch epoch;                      /* gen moves when a noted switch may have become wrong; busy: the lock is held */
    uint64_t names;                               /* and when a struct named may have */
    uint64_t soft_cached, shown;                  /* move when a page gets into a software TLB; into a window, or among those of code */
    struct space *freed;                          /* structures to be used again, by hash_next */
    uint32_t touched;                             /* see mmu_touched() */
    struct vcpu *vcpu[MMU_VCPUS];
    unsigned n_vcpus;
    struct space *spaces[256];                    /* hash heads */
    struct space **all;                           /* every space in use */
    unsigned n_spaces, cap_spaces;
    uint64_t start_ns, start_ticks;               /* the rate of now_ticks() */
    int64_t slot_region[REGION_GROUPS][REGION_SLOTS];  /* region number; INT64_MIN: free */
    struct window **spare;                        /* reservations without an owner */
    unsigned n_spare, n_windows, max_windows;
    unsigned n_sets;                              /* low-half spaces that own windows */
    bool prefilling;
    unsigned n_records;                           /* struct group_rec in use */
    uint32_t rom_cached;                          /* windows or software TLBs may hold pages of mem_roms.rom[i]: a bit each */
    unsigned vmas, peak_vmas, max_vmas;                      /* in windows, exact as far as the host merges */
    uint64_t rng;
    struct { struct watch_range r[WATCH_RANGES]; unsigned n; } watch[MMU_VCPUS];   /* of each vCPU (watch.c) */
    struct debug_watch debug_watch[WATCH_RANGES];
    unsigned n_debug_watches;
    void (*debug_stop)(struct vcpu *c, uint64_t va, bool write);
    unsigned n_watches;                           /* of all */
    struct churn churn[CHURN_PAGES];
    uint64_t needless;                            /* see mmu_needless_slow() */
    struct mmu_stats stats;
};
extern struct mmu_state mmu;

static inline struct mmu_vcpu *mv(struct vcpu *c) { return c->mmu; }
/* Pages [gpa, gpa + len) are about to be cached. */
static inline void mmu_note_rom(uint64_t gpa, uint64_t len)
{
    for (unsigned i = 0; unlikely(gpa < mem_ram.base) && i < mem_roms.n; i++)
        if (gpa < mem_roms.rom[i].base + mem_roms.rom[i].size && gpa + len > mem_roms.rom[i].base)
            mmu.rom_cached |= 1u << i;
}
static inline void mmu_lock(void)
{
    if (mmu.n_vcpus > 1) {
        pthread_mutex_lock(&mmu.lock);
        __atomic_exchange_n(&mmu.epoch.busy, 1, __ATOMIC_SEQ_CST);   /* a full barrier: see above */
    }
}
/* false: somebody has it. */
static inline bool mmu_trylock(void)
{
    if (mmu.n_vcpus > 1) {
        if (pthread_mutex_trylock(&mmu.lock) != 0)
            return false;
        __atomic_exchange_n(&mmu.epoch.busy, 1, __ATOMIC_SEQ_CST);
    }
    return true;
}
static inline void mmu_unlock(void)
{
    if (mmu.n_vcpus > 1) {
        __atomic_store_n(&mmu.epoch.busy, 0, __ATOMIC_RELEASE);
        pthread_mutex_unlock(&mmu.lock);
    }
}
/* With the lock: no vCPU switches to what it remembers without looking here first. */
static inline void mmu_forget_switches(void) { __atomic_store_n(&mmu.epoch.gen, mmu.epoch.gen + 1, __ATOMIC_RELEASE); }
/* What vCPU i may be using of its own (an array's entry, a code page's key) was dropped: the TLBI in progress waits for it. */
static inline void mmu_touched(unsigned i) { mmu.touched |= 1u << i; }

double ns_per_tick(void);                         /* of now_ticks() */
static inline void exit_begin(struct vcpu *c, enum mmu_exit cause)
{
    mv(c)->cause = (uint8_t)cause;
    mv(c)->begun = now_ticks();
}
static inline void exit_end(struct vcpu *c) { mmu_count_exit(c, (enum mmu_exit)mv(c)->cause, mv(c)->begun); }

static inline unsigned va_half(uint64_t va) { return va >> 55 & 1; }
static inline int64_t va_region(uint64_t va) { return (int64_t)va >> REGION_SHIFT; }

/* space.c */
/* A global leaf of s is about to be cached. */
static inline void space_global(struct space *s)
{
    mmu.names += !s->has_global;
    s->has_global = true;
}
struct space *space_get(unsigned half, const struct space_id *id);
bool space_in_force(const struct space *s);       /* on any vCPU */
bool space_has_asid(const struct space *s, int asid);
bool space_has_local(const struct space *s);      /* anything cached that is tied to an ASID */
void space_bind(struct vcpu *c, unsigned half, struct space *s);
void space_new_exec_key(struct space *s);
void space_stale(struct space *s);                /* not in force: to be compared when it is again */
struct exec_page *space_exec_page(const struct space *s, uint64_t va);   /* NULL, or its entry (used or not) */
void space_note_exec(struct space *s, uint64_t va, const struct walk *w, enum view view);

/* LEAF of window_install(): the walks of the pages, in order; of large leaves the first only is looked at. */
/* window.c: the only callers of mmap, mprotect and munmap on windows */
void window_init(void);
struct window *window_for(struct vcpu *c, struct space *s, enum region_group g, uint64_t va, bool create);
struct window *space_window(const struct space *s, enum region_group g, uint64_t va);
bool window_has_slot(enum region_group g, uint64_t va);           /* generated code has a delta for va's region */
unsigned window_free_slots(enum region_group g);
uint64_t window_rec(const struct window *w, uint64_t va);
void window_install(struct window *w, uint64_t va, uint64_t gpa, unsigned pages, uint64_t flags, bool populate,
                    const struct walk *leaf);
void window_drop(struct window *w, uint64_t va, unsigned pages);
void window_relabel(struct window *w, uint64_t va, uint64_t rec, uint64_t desc);   /* same page and rights, other leaf size or scope */
void group_follow(struct window *w, struct group_rec *g, bool followed);            /* moves records in w->groups */
void group_set_desc(struct group_rec *g, unsigned i, uint64_t desc);               /* what e[i] was made from */
void window_protect(struct window *w, uint64_t va, unsigned pages, bool write);     /* installed pages: readable, writable or not */
void window_wipe(struct window *w);
void window_forget(uint64_t gpa, uint64_t len);   /* no window shows [gpa, gpa + len) any more */
void window_release(struct window *w);            /* to the spares; bases of vCPUs follow */
void window_rebase(struct space *s, unsigned g, unsigned slot);   /* vCPUs running s see its windows' deltas anew */

/* softtlb.c */
void softtlb_none(struct tlb_desc *d);
void softtlb_insert(struct vcpu *c, struct space *s, enum view view, uint64_t va, const struct walk *w, bool no_window);
/* Of a space, on every vCPU. */
void softtlb_flush(struct space *s);
void softtlb_flush_local(struct space *s);        /* arrays that hold entries tied to an ASID */
/* Or, of a high half in force: only those entries of them that differ from the tables. Low-half pages in them are not looked at. */
void softtlb_compare_local(struct vcpu *c, struct space *s);
void softtlb_flush_range(struct space *s, uint64_t va, uint64_t last);     /* last: the last byte */
/* The same for a TLBI, unless another vCPU may be using such an entry: then false, and nothing is gone. */
bool softtlb_flush_range_alone(const struct vcpu *c, struct space *s, uint64_t va, uint64_t last) MUST_CHECK;
bool softtlb_has_local(const struct space *s);
#define SOFTTLB_MAX 16384u                        /* entries of an array at most */
unsigned softtlb_pages(const struct space *s, uint64_t *va);   /* the user pages s's arrays hold, up to SOFTTLB_MAX a vCPU */
/* The kernel views' arrays also hold low-half pages, of the pair of spaces in force: gone before either changes. */
void softtlb_flush_kernel_low(struct mmu_vcpu *m);
void softtlb_flush_kernel_low_all(void);          /* on every vCPU */
void softtlb_flush_kernel_low_asid(int asid);     /* on those whose low half runs, or has run, under it */
void softtlb_new(struct space *s);                /* no arrays */
void softtlb_free(struct space *s);
void softtlb_bind(struct vcpu *c, unsigned half);

uint32_t softtlb_protect(uint64_t gpa);           /* no entry lets the page be written any more; vCPUs that lost one */
void softtlb_forget(uint64_t gpa, uint64_t len);  /* no entry leads to [gpa, gpa + len) any more */

/* fill.c */
bool fill_window(struct vcpu *c, struct space *s, enum view view, uint64_t va, const struct walk *w);
uint64_t rec_flags(const struct walk *w, enum region_group g);    /* 0: must not be installed */
enum region_group view_group(enum view v, uint64_t va);
/*
 * As hardware does, atomically: the walk's leaf descriptor becomes w->update, unless somebody has changed it meanwhile. Walk again then.
 * false: the table is not in RAM.
 */
bool leaf_update(const struct walk *w) MUST_CHECK;

struct churn *churn_of(const struct space *s, uint64_t va);        /* made anew if it is another page's */
/* A TLBI names these pages: what the software TLB serves of them has been used in vain so far. */
void churn_dropped(const struct space *s, uint64_t va, uint64_t last);

/* wp.c: sync=wp, and what sync=auto follows */
void wp_init(void);
bool wp_is_table(uint64_t gpa);                   /* false in other modes */
bool wp_full(void);                               /* no room to note another writable mapping */
/* A software TLB entry is to let the page be written: may it? */
bool wp_soft_writable(uint64_t gpa);
/* A record changes: e[i] of g goes from OLD to NEW. */
void wp_rec(struct window *w, struct group_rec *g, unsigned i, uint64_t old, uint64_t new);
/* The tables of a walk of va are about to be used for a fill. true: some were writable until now, the walk is to be repeated. */
bool wp_use(const struct vcpu *c, struct space *s, uint64_t va, const struct walk *w) MUST_CHECK;
/* [gpa, gpa + len) of a table, within a page, is about to be written. false: it is no table any more. */
bool wp_write(uint64_t gpa, uint64_t len);
void wp_forget_space(const struct space *s);
/* c's own thread, outside translated code: follow the writes that were not seen as they were made. */
void wp_settle(const struct vcpu *c);
bool wp_settled(void);                            /* there are none */

/* org.c: spt-org */
enum lend { LEND_NO, LEND_OWNED, LEND_NEW };
enum lend org_lend(struct space *s);              /* may s have windows now? takes another's if it must */
bool org_room(const struct space *s);             /* it need not take them from a space that still runs */
void org_note_fill(struct space *s, uint64_t va);
void org_prefill(struct vcpu *c, struct space *s);
void org_free(struct space *s);

/* watch.c */
bool watch_overlaps(uint64_t va, uint64_t last);
/* A debugger wants to stop before this access: then *hit is the first watched byte. */
bool watch_debugger(uint64_t va, unsigned len, bool write, uint64_t *hit);
/* A watched range touches the page of va: it must not be cached. */
static inline bool watched_page(uint64_t va) { return unlikely(mmu.n_watches) && watch_overlaps(va & PAGE_MASK, va | ~PAGE_MASK); }

/* policy.c; of spaces of the low half only, and without effect but under paging=auto */
void policy_init(void);
void policy_set_costs(const struct policy_costs *cost);
/* c's low half ran in user mode for NS; it is SETTLED ns ago that a fault, a fill or a TLBI was debited to it. */
void policy_charge(struct vcpu *c, uint64_t ns, uint64_t settled);
void policy_refill(struct space *s);              /* a software TLB entry was made for a user access */
void policy_held(struct space *s, unsigned ns);   /* code with windows spent that in C for what the software TLB's would not */
void policy_fault(struct space *s);               /* a user access faulted in the guest: a new page, mostly */
void policy_fill(struct vcpu *c, struct space *s);
void policy_drop(struct space *s, unsigned pages);    /* a TLBI took so many pages (not 0) away at once */
void policy_exec(const struct space *s, uint64_t gpa);            /* its code is fetched from that page */
void policy_new_owner(struct space *s);           /* the root table belongs to another process now */
bool policy_waits(const struct space *s);         /* it lost its windows: policy_leave() will have something to do */
void policy_leave(struct space *s);               /* s was in force on a vCPU: windows it lost meanwhile may go */

/* calibrate.c */
void calibrate(struct policy_costs *out);

/* verify.c: stops the emulator at a mistake of its own */
void verify_page(struct vcpu *c, uint64_t va, enum view view, bool write);

/* sync.c */
void sync_space(struct vcpu *c, struct space *s);                 /* make what is cached agree with the guest's tables */
void sync_local(struct vcpu *c, struct space *s);                 /* what is tied to an ASID; s is in force */
void sync_range(struct vcpu *c, struct space *s, uint64_t va, uint64_t last);   /* the leaves of [va, last], all in one half */
#define FOLLOW_LOOKS 64u                          /* comparisons, some 57 ns each: about what protecting a table costs, by estimate */
/* Would sync_range() look at any table, window or code page? Software TLBs are not asked. */
bool sync_range_looks(const struct space *s, uint64_t va, uint64_t last);
bool sync_space_looks(const struct space *s);     /* the same of sync_space() */

#endif
