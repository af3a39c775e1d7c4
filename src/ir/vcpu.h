/*
 * vcpu.h - the part of a vCPU's state that generated code reaches directly, the same for every guest ISA.
 *
 * The guest's own structure embeds it as its first member. Offsets are part of the contract with src/host: the static
 * asserts below fail the build when they move. RBP in generated code points VCPU_BIAS bytes into the structure, so that
 * r[5..31] (those below have homes) and what follows up to the first delta have 8-bit displacements; and so that its low
 * six bits are REGION_SHIFT: it is a shift count, too.
 */
#ifndef GNOMON_IR_VCPU_H
#define GNOMON_IR_VCPU_H

#include "base/base.h"

#define VCPU_ALIGN 64
#define VCPU_BIAS (2 * VCPU_ALIGN + REGION_SHIFT)
#define VCPU_GPRS 32
#define VCPU_VREGS 32
#define VCPU_FRAME 4608

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ull
#define PAGE_MASK (~(PAGE_SIZE - 1))

/* Regions: 2^39-byte aligned pieces of the guest's virtual address space. */
#define REGION_SHIFT 39
#define REGION_SLOTS 8                           /* delta slots a group */
/* Groups of slots: the low half for VIEW_USER; the high half for both kernel views; the low half for the kernel views. */
enum region_group { REGION_LOW_USER, REGION_HIGH, REGION_LOW_KERNEL, REGION_GROUPS };
#define REGION_TABLE 1024                        /* (va >> 39) & 1023: 512 of the low half, 512 of the high */
/*
 * A delta that sends every canonical guest va (bits 63:48 equal) to a non-canonical host address, so that the access
 * faults. For a va that is not canonical the host pointer is REGION_POISON itself.
 */
#define REGION_POISON 0x4000000000000000ll

/* Views: what a class of accesses may see. A64: EL0 (and LDTR/STTR), EL1, EL1 with PAN set. */
enum view { VIEW_USER, VIEW_KERNEL, VIEW_KERNEL_PAN, VIEW_COUNT };

/* One entry of the software TLB. A tag is the page address; TLB_INVALID never matches. */
struct tlb_entry {
    uint64_t read_tag;
    uint64_t write_tag;
    int64_t addend;                              /* hva = va + addend */
    uint64_t pte;                                /* owner's note (src/mmu) */
};
#define TLB_INVALID 0x800ull                     /* neither a page address nor one with low bits of a misaligned access */
#define TLB_ENTRY_SHIFT 5

struct tlb_desc {
    uint64_t mask;                               /* (entries - 1) << TLB_ENTRY_SHIFT */
    struct tlb_entry *table;
};

/* Inline jump cache: guest VA (xor context) -> host code. */
#define JC_BITS 13
struct jc_entry {
    uint64_t key;                                /* va ^ vcpu.jc_ctx; JC_EMPTY never matches */
    const void *code;
};
#define JC_EMPTY 2ull                            /* no A64 instruction address; and bit 0 of what is compared is an exit request */
/* A hash, because hot code of a kernel lies megabytes apart at equal low bits. */
#define JC_HASH 0x9e3779b1u
static inline unsigned jc_index(uint64_t va) { return (uint32_t)va * JC_HASH >> (32 - JC_BITS); }

/* Floating-point environment. Rounding in IEEE order of the Arm FPCR.RMode field. */
enum fp_round { FP_RN, FP_RP, FP_RM, FP_RZ };
/* Cumulative exception flags; the bit positions of FPSR. */
#define FP_IOC 0x01u
#define FP_DZC 0x02u
#define FP_OFC 0x04u
#define FP_UFC 0x08u
#define FP_IXC 0x10u
#define FP_IDC 0x80u

struct fp_env {
    uint32_t mxcsr;                              /* host control while guest code runs: all masked, rounding, sticky bits as of entry */
    uint32_t sticky;                             /* FP_* accumulated by helpers; the architectural value is this | MXCSR's */
    uint8_t round;                               /* enum fp_round */
    uint8_t fz;                                  /* flush to zero (single, double) */
    uint8_t fz16;                                /* flush to zero (half) */
    uint8_t dn;                                  /* default NaN */
    uint8_t ahp;                                 /* alternative half precision */
    uint8_t pad[3];
};

/*
 * NZCV between instructions is kept in the form that LAHF;SETO AL leaves in AX, with C inverted (x86 borrow sense):
 * bit 0 V; bit 8 !C; bit 14 Z; bit 15 N. Bits 7:1 are zero, the others unspecified.
 */
#define NZCV_HOST_V 0x0001u
#define NZCV_HOST_NC 0x0100u
#define NZCV_HOST_Z 0x4000u
#define NZCV_HOST_N 0x8000u

/* Arm layout: N 31, Z 30, C 29, V 28. */
static inline uint32_t nzcv_to_arm(uint16_t h)
{
    return (h & NZCV_HOST_N ? 1u << 31 : 0) | (h & NZCV_HOST_Z ? 1u << 30 : 0) | (h & NZCV_HOST_NC ? 0 : 1u << 29) |
           (h & NZCV_HOST_V ? 1u << 28 : 0);
}
static inline uint16_t nzcv_from_arm(uint32_t a)
{
    return (uint16_t)((a >> 31 & 1 ? NZCV_HOST_N : 0) | (a >> 30 & 1 ? NZCV_HOST_Z : 0) |
                      (a >> 29 & 1 ? 0 : NZCV_HOST_NC) | (a >> 28 & 1 ? NZCV_HOST_V : 0));
}

/*
 * What a mode's flags contribute to jc_ctx. Linear: of flags that are set and cleared in translated code, the contributions are
 * xored. Addresses differ in none or all of their top bits, so that most differences of flags cannot be undone by one.
 */
static inline uint64_t vcpu_ctx_flags(uint32_t flags)
{
    uint64_t f = flags;
    return f << 48 ^ f << 32 ^ f << 19 ^ f << 5;
}

/*
 * A switch of address spaces that is remembered: what C put in force when the guest last wrote root[h] = ROOT while its other root
 * was OTHER. src/mmu makes them (space.c) and says what one stands for; translated code (IR_ROOT) does the same again by itself.
 */
struct space;
struct vcpu_switch {
    uint64_t root, other;
    uint64_t gen;                                /* true while that is vcpu_epoch.gen; 0: none */
    struct space *space;                         /* in force in half h then, */
    const struct space *with;                    /* if this is in force in the other one */
    uint64_t *used;                              /* takes vcpu_roots.stamp */
    const uint64_t *exec_key;                    /* of ctx_space[h], but for ctx_salt */
    uint64_t ctx_user;                           /* h = 0 */
    const struct tlb_desc *tlb[2];               /* h = 0: of VIEW_USER; h = 1: of the kernel views */
    uint64_t size;                               /* of slot[] in use, in bytes */
    struct { int64_t delta, *at, *table; } slot[2 * REGION_SLOTS];   /* the value, and its places in delta[] and a region table */
    uint64_t spare[5];
};
_Static_assert(sizeof(struct vcpu_switch) == 512, "index arithmetic of src/host");
/* Those of a half: a hash of sets, the youngest of a set first. A process under KPTI and emulated PAN has two or four at a time. */
#define SWITCH_SETS 16u
#define SWITCH_WAYS 4u
#define SWITCH_ROTATE 21
#define SWITCH_HASH 0xd6e8feb86659fd93ull
#define SWITCH_SHIFT 60
static inline unsigned switch_set(uint64_t root, uint64_t other)
{
    return (unsigned)((root ^ (other << SWITCH_ROTATE | other >> (64 - SWITCH_ROTATE))) * SWITCH_HASH >> SWITCH_SHIFT);
}
_Static_assert(SWITCH_SETS == 1u << (64 - SWITCH_SHIFT), "switch_set()");

/* When switches stop being true (src/mmu). */
struct vcpu_epoch {
    uint64_t gen;
    uint32_t busy;                               /* somebody is about to look at what is in force, and to move gen */
};

struct vcpu_roots {
    uint64_t root[2];                            /* the guest's registers that name its roots, low half and high half, as last written */
    struct space *space[2];                      /* src/mmu: in force */
    struct space *left;                          /* of a switch to be undone: what was in force in half 0 */
    uint8_t undone;                              /* bit h: space[h] is not what the vCPU has otherwise */
    uint8_t in_c;                                /* the next change of a space has something to do besides */
    uint8_t alone;                               /* there is one vCPU: nobody else moves the epoch */
    uint64_t stamp;                              /* now_ticks() at the end of the last exit, and 1 for each switch since */
    uint64_t changes, switches;                  /* made by translated code: of a space; all, of an ASID alone, too */
    struct vcpu_switch known[2][SWITCH_SETS * SWITCH_WAYS] __attribute__((aligned(64)));
};

struct ir_mem_ops;                               /* ir.h */
struct counter;

struct vcpu {
    uint64_t r[VCPU_GPRS];                       /* guest general registers; A64: X0..X30, r[31] = SP in use */

    uint64_t pc_page;                            /* guest VA of the page that the running block lies in */
    uint32_t pc_off;                             /* offset of the current instruction in it; valid at exits and in helpers that may fault */
    uint32_t exit_req;                           /* 1: leave translated code at the next check (set by any thread) */
    uint16_t nzcv;                               /* see NZCV_HOST_*; stored with the two bytes behind it */
    uint8_t pad0[2];
    uint8_t vec_live;                            /* inside translated code: v[] of homes is stale, see src/host; 0 whenever C runs */
    uint8_t pad2[3];
    uint64_t jc_ctx;                             /* see struct jc_entry; changes with address space and mode */

    int64_t delta[REGION_GROUPS * REGION_SLOTS]; /* slot (group * REGION_SLOTS + n) -> hva - va */
    uint8_t tbi[2];                              /* top byte ignored, by bit 55 of the va: strip it before region_table */
    int8_t edge_credit;                          /* exits to other pages that met another context until src/xlate is shown one */
    uint8_t pad1;
    int32_t region_credit;                       /* failed region checks until src/xlate looks at one */
    const int64_t *region_table[VIEW_COUNT];     /* [REGION_TABLE] each: any region -> delta, REGION_POISON where there is none */

    struct tlb_desc tlb[VIEW_COUNT];

    uint64_t excl_addr;                          /* local exclusive monitor: va, or EXCL_NONE */
    uint64_t excl_val[2];                        /* what the load-exclusive saw */

    void *host_sp;                               /* stack pointer of the entry thunk: where C runs and leaving returns to */
    void *ret_sp, *ret_top;                      /* src/host: its stack of returns, and the end where it is empty; NULL: jit=off */
    const void *exit_link;                       /* set by exits: the chainable exit taken (src/xlate), or NULL */

    struct fp_env fp;

    u128 v[VCPU_VREGS] __attribute__((aligned(16)));

    uint8_t frame[VCPU_FRAME] __attribute__((aligned(16)));   /* src/host: spill slots and arguments of translated code */

    struct jc_entry jc[1 << JC_BITS];

    uint32_t index;                              /* vCPU number */
    void *exec;                                  /* src/exec's own state for this vCPU */
    void *mmu;                                   /* src/mmu's own state for this vCPU */
    void *xlate;                                 /* src/xlate's own state for this vCPU */
    const struct ir_mem_ops *mem;                /* what helpers of the guest access guest memory with; set before the first block runs */

    uint64_t pair[2];                            /* IR_CASP: what it expects, low half first */

    bool stepping;                               /* a debugger wants one instruction at a time; set while the vCPU is held */

    uint32_t lines;                              /* interrupt inputs that are high, bit n: line n; src/exec sets it, from any thread */

    uint32_t tlbi_pending;                       /* TLB maintenance is noted (src/mmu) that the guest's next barrier is to complete */

    const struct counter *counter;               /* what IR_COUNT reads (base/counter.h), or NULL */

    /* The parts of jc_ctx, for translated code that changes the mode: of the space, by bit 55 of the pc; of the mode, 0 user, 1 kernel. */
    uint64_t ctx_space[2], ctx_mode[2];
    uint64_t ctx_salt;                           /* src/xlate's part of ctx_space[]: another one, and no key matches */
    uint64_t ctx_user;                           /* what depends on the space in ctx_mode[0] */

    struct vcpu_roots roots;
} __attribute__((aligned(VCPU_ALIGN)));
#define EXCL_NONE (~0ull)

_Static_assert(offsetof(struct vcpu, r) == 0, "r[] must start the structure");
_Static_assert(VCPU_BIAS % 64 == REGION_SHIFT, "RBP is a shift count");
_Static_assert(offsetof(struct vcpu, r[5]) + 128 >= VCPU_BIAS && offsetof(struct vcpu, delta) < VCPU_BIAS + 128, "8-bit displacements");
_Static_assert(offsetof(struct vcpu, v) % 16 == 0, "v[] must be aligned for MOVAPS");

static inline uint64_t vcpu_pc(const struct vcpu *c) { return c->pc_page + c->pc_off; }
static inline void vcpu_set_pc(struct vcpu *c, uint64_t pc)
{
    c->pc_page = pc & PAGE_MASK;
    c->pc_off = (uint32_t)(pc & ~PAGE_MASK);
}

/* What the roots mean has changed: nothing that is remembered of them holds. On the vCPU's own thread, or while it is held. */
static inline void vcpu_forget_switches(struct vcpu *c)
{
    for (unsigned h = 0; h < 2; h++)
        for (unsigned i = 0; i < SWITCH_SETS * SWITCH_WAYS; i++)
            c->roots.known[h][i].gen = 0;
}

/* Leave translated code (or the interpreter) from inside a helper; state must be complete. Implemented by src/exec. */
NORETURN void vcpu_unwind(struct vcpu *c);

#endif
