/*
 * internal.h - the structures that src/xlate's files share. Not for other folders.
 *
 * Locking. xl.lock covers the cache, links, segments, patched sites and who writes to jump caches; it is taken for a look-up in C,
 * for a translation and for removal, inside translated code (helpers) or outside, before mmu.lock. Its holder never waits
 * for a vCPU. Without it: translated code runs, follows its own vCPU's jump cache, and the signal handler looks for a block by host
 * PC, which finds a segment's table only ever longer. A removed block is unlinked at once, but its bytes, tables and struct stay
 * until its segment is reused, and that only after every vCPU has left translated code (base/quiet.h). Each vCPU forgets
 * what it knows of blocks by itself, when asked (xlate_vcpu.flush) and before it enters translated code again.
 */
#ifndef GNOMON_XLATE_INTERNAL_H
#define GNOMON_XLATE_INTERNAL_H

#include <pthread.h>
#include <stdio.h>

#include "mmu/mmu.h"
#include "xlate/xlate.h"

/* Block flags: the guest's mode flags, and above them how accesses reach memory (MMU_WINDOWS_* of the space in force). */
#define XF_KIND_SHIFT 24
#define XF_USER_WINDOWS ((uint32_t)MMU_USER_WINDOWS << XF_KIND_SHIFT)
#define XF_KERNEL_WINDOWS ((uint32_t)MMU_KERNEL_WINDOWS << XF_KIND_SHIFT)
/*
 * The debugger looks at each instruction: single step, or a breakpoint in the page. A block is one instruction, and leaves to
 * the run loop: it is neither chained nor in the jump cache.
 */
#define XF_DEBUG 0x10000000u

struct table_entry { uint64_t key; struct block *b; };   /* NULL: free */

struct link {                                     /* an exit of a block jumps to another block */
    struct block *to;                             /* NULL: not chained */
    struct host_exit *exit;
    struct link *next, **prev;                    /* in to->incoming */
    uint64_t gpa;                                 /* of the first block it led to; 0: none yet */
};

#define JC_ANYWHERE 0xffff
struct block {
    uint64_t gpa;
    uint32_t flags;
    uint32_t size;                                /* guest bytes of all parts; 0: it was removed */
    uint32_t epoch;                               /* of the last check against memory */
    uint16_t guest_insns;
    uint16_t jc;                                  /* jump caches may have it at index jc - 1, JC_ANYWHERE; 0: none has */
    struct host_code code;                        /* (a look-up wants all so far and .entry: one line) */
    struct link *incoming;
    struct link *out;                             /* [code.n_exits], behind .first */
    struct block *page_next, **page_prev;
    uint8_t misses;                               /* samples of failed region checks */
    uint8_t tries;                                /* times it was made anew for that */
    uint8_t n_parts;
    struct ir_part part[IR_MAX_PARTS];            /* where its code lies in its page */
    uint8_t *soft;                                /* [n_sites]: faults in a row that no window could serve, or SITE_PATCHED */
    uint8_t *first;                               /* [n_sites]: other faults, or SITE_TRIED in vain */
    struct ir_block *ir;                          /* jit=off: what runs */
    struct block *dead_next;                      /* jit=off: in xl.dead */
    uint8_t bytes[];                              /* the guest code it was made from, part by part */
};

/* The code area is filled segment after segment; the oldest segment is emptied when there is no more room. */
#define SEGMENTS 8
struct segment {
    uint8_t *base, *end, *at;
    struct block **block;                         /* in address order; never moves */
    uint8_t *record, *record_at, *record_end;     /* the structures of its blocks, their bytes, .soft and .first */
    uint32_t n, cap;                              /* n is read without the lock by the signal handler */
    bool draining;                                /* emptied; to be reused when every vCPU has left translated code */
};

/*
 * A site whose accesses keep ending in MMIO or a churning page is patched to go to its slow path without a SIGSEGV. When
 * patched sites have met so many pages that a window holds that they would be better off, all are restored and have to earn it again.
 */
#define SITE_FAULTS 2
#define SITE_PATCHED 255
#define NEEDLESS_SLOW 2000
#define NEEDLESS_SITE 25                          /* and so many for each: of 200 ns; to be patched anew costs a site two faults */
/*
 * A site may also be the one that touches new pages, each a few times only: then the slow path costs less than the SIGSEGVs that lead
 * to it. After so many, one site at a time is patched for a trial, until the pages it found in windows outweigh the faults saved.
 */
#define TRIAL_FAULTS 64
#define SITE_TRIED 255
struct trial { struct block *b; uint32_t site; uint64_t needless, faulted; };
/* A block whose region checks keep failing is made anew, with predictions from the registers of then. */
#define MISS_SAMPLES 2
#define MISS_TRIES 4
/* An exit to another page whose key does not match goes to C one time in so many: the context that is used most gets the key. */
#define EDGE_TRIES 64
#define RETRY_SIZE 1024
struct retry { uint64_t gpa; uint8_t tries; };
struct patched { struct block *b; uint32_t site; uint8_t bytes[HOST_SITE_PATCH]; };

#define ITLB_SIZE 256
struct itlb_entry { uint64_t key, gpa; };

enum { FLUSH_KEYS = 1, FLUSH_ALL = 2 };           /* jump cache entries stop matching; and their pointers go, too */
struct xlate_vcpu {
    uint32_t flush;                               /* asked by anybody: FLUSH_* */
    uint64_t own_salt;                            /* part of vcpu.ctx_salt, 0 on all vCPUs that agree on the flags of every page */
    struct itlb_entry itlb[ITLB_SIZE];            /* key: page ^ jc_ctx */
    bool no_prediction;                           /* the block being made missed too often */
    int last_slot[VIEW_COUNT];                    /* the last prediction that rested on a value, or -1 */
    int64_t last_region[VIEW_COUNT];
    struct block *fault_block;                    /* of the last SIGSEGV, and its site; this vCPU's handler only */
    uint32_t fault_site;
    struct host_exit *pending;                    /* chainable exit just taken */
    bool forget_returns;                          /* before translated code runs again: bytes that calls return to may be reused */
};

struct xlate_state {
    pthread_mutex_t lock;
    bool fixed_sites;                             /* sites are never patched: the host cannot tell other CPUs to look again */
    struct xlate_config cfg;
    const struct guest_ops *guest;
    const struct ir_mem_ops *mem;
    struct vcpu *vcpu[8];
    unsigned n_vcpus;
    uint8_t *area;
    struct segment seg[SEGMENTS];
    unsigned cur;
    struct table_entry *table;                    /* table.c */
    uint32_t table_mask, n_blocks;
    struct block **page;                          /* [RAM pages]: blocks that start in it */
    uint32_t epoch;
    uint64_t salt, n_salts;                       /* vCPUs' salts follow when they flush; a sequence that does not repeat */
    struct ir_block *ir;                          /* scratch */
    struct xlate_stats stats;
    struct patched *patched;
    struct retry retry[RETRY_SIZE];               /* by gpa: blocks just dropped for their predictions */
    uint32_t n_patched, cap_patched;
    uint64_t needless;                            /* mmu_needless_slow() when the sites were last restored */
    struct trial trial;                           /* .b: NULL for none */
    const void *jump_miss;                        /* where an empty jump cache entry leads */
    struct block *dead;                           /* jit=off: dropped blocks, freed when none runs */
    uint64_t *breaks;                             /* a debugger's breakpoints, no order */
    unsigned n_breaks;
    struct dma_queue *dma;                        /* pending device writes (run.c) */
    FILE *perf_map;
    struct { uint64_t ns, ticks; double rate; } clock;   /* of the beginning, twice; ns a tick */
};
extern struct xlate_state xl;

static inline void xlate_lock(void)
{
    if (xl.n_vcpus > 1)
        pthread_mutex_lock(&xl.lock);
}
static inline bool xlate_trylock(void) { return xl.n_vcpus < 2 || pthread_mutex_trylock(&xl.lock) == 0; }
static inline void xlate_unlock(void)
{
    if (xl.n_vcpus > 1)
        pthread_mutex_unlock(&xl.lock);
}
static inline uint32_t others(const struct vcpu *c) { return ((1u << xl.n_vcpus) - 1) & ~(1u << c->index); }

/* table.c */
void table_init(void);
struct block *cache_find(uint64_t gpa, uint32_t flags);
void table_insert(struct block *b);
void table_remove(const struct block *b);

/* cache.c */
void cache_init(void);
struct block *cache_add(struct vcpu *c, uint64_t gpa, uint32_t flags);     /* translates; NULL: the cache was unlocked, look again */
void cache_remove(struct block *b);
void cache_free_dead(struct vcpu *c);              /* c is outside blocks, the lock is not held */
/* KEY: of an exit to another page (host.h); else not used. */
void cache_link(struct block *from, struct host_exit *e, struct block *to, uint64_t key);
void cache_unlink_all(void);
/* Drop every block and its code. No vCPU is inside one. */
void cache_clear(void);
void cache_drop_page(uint64_t gpa, uint64_t len);
struct block *cache_by_host_pc(const void *pc);
void flush_jump_caches(uint32_t how);              /* FLUSH_*: every vCPU before it finds another block in C */
void cache_flush_now(struct vcpu *c);              /* by the vCPU itself: what it was asked */
uint64_t cache_new_salt(void);
void cache_purge_jumps(const struct block *b);     /* b leaves every jump cache, at once */

/* sites.c */
void sites_forget(struct block *b);               /* b's code goes */
void sites_review(void);
void sites_region_miss(struct vcpu *c, const void *host_pc);

/* predict.c */
int predict_region(void *opaque, const struct ir_block *b, unsigned i, int64_t *region);

#endif
