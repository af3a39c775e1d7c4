/*
 * host.h - the host backend: IR to host code, entry and exit thunks, fault recognition.
 *
 * Owns the code buffer's bytes, register homes, thunks. Must not know the guest ISA, windows' contents or the block cache.
 */
#ifndef GNOMON_HOST_HOST_H
#define GNOMON_HOST_HOST_H

#include "ir/ir.h"

/* How data accesses of a block reach memory (chosen per block and view by src/xlate from its mode flags). */
/* SOFT: inline software TLB. REGION: inline region check and window. SLOW: every access calls C (verify=on). */
enum access_kind { ACCESS_SOFT, ACCESS_REGION, ACCESS_SLOW };

/* What the backend calls. Filled once by src/exec. */
struct host_callbacks {
    struct ir_mem_ops mem;
    /* A sample of region checks that failed: host_pc lies in the block. */
    void (*region_miss)(struct vcpu *c, const void *host_pc);
    const struct vcpu_epoch *epoch;              /* of vcpu_switch.gen; NULL: IR_ROOT always calls */
};
#define REGION_SAMPLE 32                         /* failed region checks a sample */

/*
 * A chainable exit of a block. The jump at `patch` (rel32) goes to the block's exit stub until host_patch_jump().
 *
 * An exit to another page compares (guest address of the target's page ^ vcpu.jc_ctx) with a word in its code before that jump.
 * HOST_NO_KEY is there until host_patch_key(). When they differ it tries the jump cache, but for one time in EDGE_TRIES that
 * goes to the stub, so that C may put another key there.
 */
struct host_exit {
    uint8_t *patch;                              /* address of the 4-byte displacement */
    const void *stub;                            /* what an unpatched exit goes to */
    int64_t target;                              /* page-relative guest target */
    void *block;                                 /* owner, set by src/xlate */
    const void *probe;                           /* other page: where a wrong key leads; NULL: the target is in the page */
    uint8_t key, miss;                           /* other page: how far before `patch` the key and the jump for a wrong key are */
};
#define HOST_NO_KEY 1ull                         /* odd: neither pages nor jc_ctx are */
#define HOST_MAX_EXITS (2 + IR_MAX_SIDES)

/* A fast access: where it may fault and where it goes on. Sorted by off. */
struct host_site {
    uint32_t off;                                /* of the instruction that touches memory, from the block's code */
    uint32_t len;                                /* of that instruction */
    uint32_t slow;                               /* of its slow stub */
    uint32_t start;                              /* first byte that may be overwritten by a jump to the slow stub (>= 5 bytes up to the next) */
};

struct host_code {
    const void *entry;
    uint32_t size;                               /* bytes, stubs and tables and all */
    uint32_t hot;                                /* bytes of its main path, at the start of it */
    uint32_t text;                               /* bytes of instructions: main path, then stubs */
    uint32_t n_sites;
    struct host_site *site;                      /* points into the block's own bytes (behind the code) */
    uint32_t n_exits;
    struct host_exit *exit;                      /* likewise; exits keep their addresses for the block's life */
};

struct host_gen_opts {
    enum access_kind kind[VIEW_COUNT];
    /* Prediction for region accesses: slot (index into vcpu.delta) and region number ((int64)va >> 39) expected for base value
     * v of instruction i, or -1: no idea (use the region table). May be NULL. */
    int (*predict)(void *opaque, const struct ir_block *b, unsigned i, int64_t *region);
    void *opaque;
    /* An exit to the block's own start stays inside as long as exit_req is 0: nobody sees the iterations. */
    bool loop;
};

/* The host ISA that generated code may use: levels of the x86-64 psABI. V3 adds AVX2, FMA, BMI, LZCNT and, here, AES, SHA and
 * PCLMULQDQ to V2 (SSE4.2). */
enum host_isa { HOST_ISA_NATIVE, HOST_ISA_V2, HOST_ISA_V3 };
/* At most that, and what the CPU has. Before host_init(). */
void host_limit_isa(enum host_isa isa);
/* Just that, whatever the CPU has: for code that is only looked at. After host_init(). */
void host_force_isa(enum host_isa isa);

/* Set up CPU features, thunks. CODE is an RWX area of SIZE bytes; returns the bytes used at its start. */
size_t host_init(void *code, size_t size, const struct host_callbacks *cb);

/* Generate b at `at` (room bytes). false: not enough room (nothing kept). */
bool host_generate(const struct ir_block *b, const struct host_gen_opts *o, void *at, size_t room, struct host_code *out) MUST_CHECK;
#define HOST_MAX_BLOCK (128 * 1024)

/* Give c what running translated code takes: its stack of returns. Once, after host_init(); dies if there is no memory. */
void host_vcpu_init(struct vcpu *c);

/* Run from `entry` until an exit reaches C. Returns the exit taken (chainable) or NULL; pc_page/pc_off say where the guest is. */
struct host_exit *host_run(struct vcpu *c, const void *entry);

/*
 * What an empty jump cache entry's .code must be: a guest that jumps to an address that happens to equal JC_EMPTY ^ jc_ctx
 * then leaves with NULL as on a miss.
 */
const void *host_jump_miss(void);

/* Leave translated code from inside a C function that it called: host_run() returns NULL. The state in memory is complete. */
NORETURN void host_unwind(struct vcpu *c);

/*
 * Translated code remembers on a stack of its own where calls return to in the code area. Before bytes there are reused it
 * must forget that; the vCPU is outside translated code.
 */
void host_forget_returns(struct vcpu *c);
/* In the handler of a SIGSEGV of c's translated code at the address `at`: the stack was full, and is empty now; go on. */
bool host_returns_full(const struct vcpu *c, const void *at, void *ucontext);

/* Atomic with respect to other vCPUs running the block. */
void host_patch_jump(struct host_exit *e, const void *to);   /* to = NULL: back to the stub */
void host_patch_key(struct host_exit *e, uint64_t key);      /* of an exit to another page */
#define HOST_SITE_PATCH 5                        /* bytes at site.start that a patch replaces */
void host_patch_site(const struct host_code *code, const struct host_site *s);   /* jump straight to the slow stub */
/*
 * To put a site's bytes back: stop it (who gets there waits), restore the tail, then the head, with host_sync_cores() behind
 * each step. That makes every CPU that runs this program forget what it fetched; may be called in a signal handler.
 */
enum host_site_part { HOST_SITE_TAIL, HOST_SITE_HEAD };
void host_site_stop(const struct host_code *code, const struct host_site *s);
void host_site_restore(const struct host_code *code, const struct host_site *s, const uint8_t bytes[HOST_SITE_PATCH],
                       enum host_site_part part);
/* Several threads will run code. false: the kernel has no way to do the above, sites must stay as they are. */
bool host_several_cores(void);
void host_sync_cores(void);

/* From a SIGSEGV's ucontext: make it continue at `pc`. */
const void *host_fault_pc(void *ucontext);
void host_fault_resume(void *ucontext, const void *pc);

void host_disas(const void *code, size_t len, void (*out)(const char *fmt, ...));

#endif
