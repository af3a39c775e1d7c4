/*
 * gen.h - the state of one translation (struct gen) and what the lowering files share.
 *
 * A value lives in a register, in a spill slot, or in the guest register whose content it is ("back"); constants and PC
 * are made again instead of being spilled. Several IR values that are the same host value share one root.
 */
#ifndef GNOMON_HOST_X86_64_GEN_H
#define GNOMON_HOST_X86_64_GEN_H

#include "host/host.h"
#include "host/x86_64/regs.h"

#define BACK_NONE 0xff
#define BACK_VEC 32                              /* back = 32 + n: vector register n */

struct val {
    uint16_t root;                               /* index of the value that this one is the same as */
    uint16_t last;                               /* last instruction that uses it; own index: none */
    uint16_t hlast;                              /* last instruction that uses its host pointer */
    uint16_t flags_read : 14;                    /* last instruction that reads the NZCV set here; 0: none */
    uint16_t lazy_flags : 1;                     /* ... only where the block is left, and another writer follows: see gen.lazy */
    uint16_t store_flags : 1;                    /* sets NZCV, and something needs it in memory */
    int16_t spill;                               /* slot, or -1 */
    uint8_t reg;                                 /* host register that holds it, or NOREG */
    uint8_t hreg;                                /* host register that holds its host pointer */
    uint8_t back;                                /* guest register whose content it is, or BACK_NONE */
    uint8_t early;                               /* homed guest register (as in back) that it may be computed into, or NOREG */
    uint8_t uses;                                /* 0, 1, more; or USES_FUSED */
    bool wide;                                   /* bits 63:32 of the register are not known to be zero */
};
_Static_assert(sizeof(struct val) == 16, "one store makes a fresh one");
#define LAZY_RESULT 0x8000u                      /* made from the result */
enum { USES_MORE = 2, USES_FUSED };              /* fused: SHL by a constant, done by the one ADD that uses it */

enum stub_kind { STUB_LOAD, STUB_LOADV, STUB_STORE, STUB_STOREV, STUB_AMO, STUB_CAS, STUB_STX, STUB_STXP, STUB_CASP, STUB_COUNT, STUB_REGION,
    STUB_EVAL, STUB_FLAGS_EVAL, STUB_SATURATE, STUB_TRAP, STUB_VEC_HOMES };

/* What NZCV are made from again, out of line: a writer's operands, or its result and b, and where they are then. */
struct flag_src {
    uint8_t op;                                  /* of the writer; 0: NZCV are in memory */
    bool w;
    bool result;                                 /* a is the result */
    struct loc { uint8_t kind, reg; int32_t imm; } a, b;
};
enum { LOC_CONST, LOC_REG, LOC_MEM };

/* An exit from the middle that has NZCV to store first. */
struct aside {
    uint8_t *from;                               /* displacement */
    int64_t target;
    bool ef, direct;                             /* as.ef, as.direct when it is taken; without ef there is src */
    struct flag_src src;
};

/* An operand as a stub must find it again. */
struct opnd {
    bool is_const;
    uint8_t reg;
    int64_t imm;
};

struct stub {
    uint8_t kind;
    uint8_t n_from;
    uint8_t dst;                                 /* NOREG: result not wanted */
    uint8_t base;                                /* register of the IR base value */
    bool ef;                                     /* EFLAGS hold NZCV where the stub returns to */
    bool direct;                                 /* REGION: the table has been looked at already */
    bool sum;                                    /* REGION: dst is base's host pointer, not just its distance */
    bool clean32;                                /* result is I32 */
    bool rbx;                                    /* RBX is in F_TMP */
    uint8_t size;
    uint8_t view;
    uint32_t mem;                                /* see F_MEM */
    int32_t site[2];                             /* sites that point here, or -1 */
    int64_t imm;
    struct opnd val, val2;
    uint8_t *from[4];                            /* displacements of jumps that come here */
    uint8_t *back;                               /* where to go on */
    struct flag_src src;
    uint8_t vreg[3];                             /* EVAL: operands a, b, c or NOREG */
    uint16_t insn;                               /* EVAL: index of the instruction */
};

#define MAX_STUBS (2 * IR_MAX_INSNS)
#define MAX_SITES (2 * IR_MAX_INSNS)
#define MAX_EVALS IR_MAX_INSNS
#define MAX_POOL 64

/* A jump that leaves the block, to be finished by an out-of-line stub. */
struct leave {
    uint8_t *from;                               /* displacement */
    int64_t target;
    int exit;                                    /* index into exits, or -1: leave with NULL */
    uint8_t *miss;                               /* other page: displacement of the jump for a wrong key; else NULL */
    const uint8_t *landing;                      /* call: where it returns to; else NULL */
    uint8_t key;                                 /* call to another page: register that holds what RET is to bring */
};

struct gen {
    struct as a;
    const struct ir_block *b;
    const struct host_gen_opts *o;
    uint8_t *start, *limit;
    uint8_t *head;                               /* where the block's first instruction begins; a loop comes back here */
    unsigned i;                                  /* current instruction */
    /*
     * The writer whose NZCV are not in memory, though instructions behind it may leave the block: who does makes them from the writer's
     * operands, which live as long as the last of those instructions. -1: NZCV are in memory, or nobody needs them.
     */
    int lazy;
    int lazy_src;                                /* the writer whose operands are kept, or -1 */
    int flags_writer;                            /* instruction whose NZCV is in EFLAGS only, or -1 */
    enum access_kind kind;                       /* of the access that is being lowered */
    bool vec;                                    /* the block uses vectors: its entry loads their homes */
    uint32_t lock;                               /* registers not to be evicted */
    uint16_t reg_val[32];                        /* root in each host register, or IR_NONE */
    bool reg_h[32];                              /* ... it is the host pointer of that value */
    uint16_t gval[VCPU_GPRS];                    /* root that is the content of a guest register, or IR_NONE */
    uint16_t vval[VCPU_VREGS];
    uint64_t int_slots[INT_SLOTS / 64];
    uint64_t vec_slots[VEC_SLOTS / 64];
    unsigned n_asides, n_stubs, n_sites, n_exits, n_leaves, n_evals, n_pool, n_pool_uses;
    struct host_exit exit[HOST_MAX_EXITS];
    struct leave leave[HOST_MAX_EXITS + 2];
    struct aside aside[IR_MAX_SIDES];
    uint16_t lazy_last[IR_MAX_INSNS];            /* of a writer with lazy_flags: last instruction that may leave; LAZY_RESULT */
    struct val v[IR_MAX_INSNS];
    struct stub stub[MAX_STUBS];
    struct host_site site[MAX_SITES];
    struct { uint8_t *at; uint16_t insn; } eval[MAX_EVALS];   /* RIP-relative displacements that want a copy of an instruction */
    u128 pool[MAX_POOL];                         /* vector constants */
    struct { uint8_t *at; uint16_t k; } pool_use[IR_MAX_INSNS];   /* RIP-relative displacements that want one */
};

/* 16-byte constants behind the thunks. */
enum {
    K_SIGN32, K_SIGN64, K_ABS32, K_ABS64, K_SIGN1_32, K_SIGN1_64, K_ABS1_32, K_ABS1_64, K_TINY32, K_TINY64, K_ONE32, K_TBL70, K_NIBBLES, K_POPCNT, K_LOWBYTES,
    K_SHL8,                                      /* + n: bytes 0xff << n */
    K_SHR8 = K_SHL8 + 8,                         /* + n: bytes 0xff >> n, n = 0..8 */
    K_SAR8 = K_SHR8 + 9,                         /* + n: bytes 0x80 >> n */
    K_XTN = K_SAR8 + 9,                          /* + esz: shuffles */
    K_REV = K_XTN + 3,                           /* + container * 3 + esz, container 1..3 */
    K_BELOW31 = K_REV + 12,                      /* the largest single below 2^31 */
    K_2P16,                                      /* 65536 */
    K_ONES8, K_ONES16, K_ONE64, K_LOW16, K_LOW32,            /* lanes of 1; the low halves of lanes */
    K_COUNT
};

/* Shared state made by host_init(). */
struct host_state {
    bool bmi1, bmi2, lzcnt, avx, avx2, fma, aes, pclmul, sha;
    struct host_callbacks cb;
    const uint8_t *enter, *leave, *leave_null, *leave_va, *unwind, *jump_miss, *ret_empty, *ret_other;
    const uint8_t *mem[STUB_COUNT + 1][2];        /* [stub kind][vec] */
    const uint8_t *region[VIEW_COUNT];
    const uint8_t *call[3][2];                   /* [homes: clobbered only / stored / stored and reloaded][vec] */
    const uint8_t *root[2][2];                   /* as call[CALL_PURE][vec], for IR_ROOT: [half][vec] */
    const uint8_t *load_vec;                     /* vector homes from memory */
    const uint8_t *consts;                       /* [K_COUNT][16] */
    const uint8_t *eval_vec, *eval_int, *mxcsr_merge;
    const uint8_t *eval_nan[2][2];               /* [esz - 2][fused]: eval_vec for scalars, at once where a quiet NaN passes through */
};
extern struct host_state host_state;
enum { CALL_PURE, CALL_READS, CALL_WRITES };

/* ---- alloc.c ---- */
void alloc_prepare(struct gen *g);
static inline struct val *val_of(struct gen *g, ir_val v) { return &g->v[g->v[v].root]; }
static inline const struct ir_insn *root_insn(const struct gen *g, ir_val v) { return &g->b->insn[g->v[v].root]; }
unsigned use(struct gen *g, ir_val v);           /* register that holds v; locked */
unsigned use64(struct gen *g, ir_val v);         /* the same with bits 63:32 valid for an I32; may be RAX */
/* v as memory operand, when it is in no register and this is its last use. */
bool use_mem(struct gen *g, ir_val v, struct mo *m);
unsigned def(struct gen *g, unsigned prefer);    /* register for the result of the current instruction; locked */
unsigned temp(struct gen *g, bool vec);          /* a scratch register; locked, holds nothing */
void make_free(struct gen *g, bool vec, unsigned n);   /* N registers that def() or temp() can have without emitting a spill */
/* The same, but no register of an operand: for results that are computed while operands are still wanted. */
unsigned def_apart(struct gen *g);
void free_val(struct gen *g, unsigned root);
void evict(struct gen *g, unsigned reg);
void put_gpr(struct gen *g, const struct ir_insn *i);
void put_vec(struct gen *g, const struct ir_insn *i);
/* Everything that must survive a C call that clobbers temporaries goes to memory; then forget temporaries. */
void spill_for_call(struct gen *g, uint32_t effects);
void forget_temps(struct gen *g);
void load_into(struct gen *g, unsigned root, unsigned reg);
struct loc where(const struct gen *g, ir_val v);
static inline bool is_const(const struct gen *g, ir_val v, int64_t *imm)
{
    const struct ir_insn *i = root_insn(g, v);
    if (i->op != IR_CONST)
        return false;
    *imm = g->b->insn[v].t == IR_I32 ? (int32_t)i->imm : i->imm;
    return true;
}
static inline bool is_temp(unsigned r) { return (TEMP_GPRS | TEMP_XMMS) >> r & 1; }

/* Current instruction is the last use. */
static inline bool dies(const struct gen *g, ir_val v) { return g->v[g->v[v].root].last <= g->i; }
/* Register of v if v dies here and the register may be reused as a destination, else NOREG. */
static inline unsigned dying_reg(const struct gen *g, ir_val v)
{
    const struct val *x = &g->v[g->v[v].root];
    return x->last <= g->i && x->reg != NOREG && is_temp(x->reg) ? x->reg : NOREG;
}

/* Has free_val() anything to do? */
static inline bool holds_anything(const struct val *x)
{
    return x->spill >= 0 || x->hreg != NOREG || (x->reg != NOREG && is_temp(x->reg));
}

static inline void finish_operand(struct gen *g, unsigned n, ir_val v)
{
    if (v == IR_NONE)
        return;
    unsigned root = g->v[v].root;
    struct val *x = &g->v[root];
    if (x->last <= n) {
        if (holds_anything(x))
            free_val(g, root);
    } else if (x->hreg != NOREG && x->hlast <= n) {
        g->reg_val[x->hreg] = IR_NONE;
        g->reg_h[x->hreg] = false;
        x->hreg = NOREG;
    }
}

/* After the lowering of i, the instruction n, no NOP: operands that died and results that nobody wants give up their registers. */
static inline void finish(struct gen *g, unsigned n, const struct ir_insn *i)
{
    finish_operand(g, n, i->a);
    if (!ir_no_bc(i)) {
        finish_operand(g, n, i->b);
        finish_operand(g, n, i->c);
    }
    struct val *x = &g->v[n];
    if (x->last == n && holds_anything(x) && x->root == n)
        free_val(g, n);
    g->lock = 0;
}
static inline bool fits32(int64_t v) { return v == (int32_t)v; }
static inline bool is_w(const struct ir_insn *i) { return i->t == IR_I64; }
/* Without AVX one more is scratch. */
static inline uint32_t temp_xmms(void) { return host_state.avx ? TEMP_XMMS : TEMP_XMMS & ~(1u << XT2); }
static inline void lock(struct gen *g, unsigned r) { g->lock |= 1u << r; }
static inline void unlock(struct gen *g, unsigned r) { g->lock &= ~(1u << r); }

/* ---- lower_*.c ---- each returns false when the opcode is not its own ---- */
bool lower_int(struct gen *g, const struct ir_insn *i);
bool lower_flags(struct gen *g, const struct ir_insn *i);
bool lower_mem(struct gen *g, const struct ir_insn *i);
bool lower_exit(struct gen *g, const struct ir_insn *i);
bool lower_vec(struct gen *g, const struct ir_insn *i);
bool lower_fp(struct gen *g, const struct ir_insn *i);
bool lower_crypto(struct gen *g, const struct ir_insn *i);
bool lower_trap(struct gen *g, const struct ir_insn *i);
bool lower_sys(struct gen *g, const struct ir_insn *i);
void lower_eval(struct gen *g, const struct ir_insn *i);      /* any vector or FP operation, by the reference */
void lower_call(struct gen *g, const struct ir_insn *i);
void emit_stubs(struct gen *g);                  /* lower_mem.c's and EVAL stubs */
void emit_leaves(struct gen *g);
void jump_cache(struct as *a, bool have);        /* RAX = guest address (RCX, too, if `have`): to its translation, or out */
void emit_eval_stub(struct gen *g, struct stub *s);
void emit_saturate_stub(struct gen *g, const struct stub *s);
void emit_count_stub(struct gen *g, const struct stub *s);
void emit_trap_stub(struct gen *g, const struct stub *s);
struct stub *new_stub(struct gen *g, unsigned kind);
static inline void stub_from(struct stub *s, uint8_t *disp) { s->from[s->n_from++] = disp; }
bool upper_zero(const struct gen *g, ir_val v);  /* bits 127:64 are known to be zero */
void stub_opnd(struct gen *g, struct opnd *o, ir_val v);

/* EFLAGS := guest NZCV unless they already are. */
void flags_load(struct gen *g);
/* EFLAGS -> vcpu.nzcv; EFLAGS stay valid. Clobbers RAX. */
void flags_store(struct gen *g);
/* Instruction i has just set EFLAGS (CF = C if direct, else !C): store them now, or leave them pending. */
void flags_set(struct gen *g, bool direct);
/* What NZCV are to be made from where the current instruction leaves the block. */
struct flag_src flags_src(struct gen *g);
/* The same, EFLAGS, into memory. Clobbers RAX and EFLAGS. */
void flags_again(struct gen *g, const struct flag_src *s);
/* After instruction n: the operands that were kept for it are free. */
void flags_release(struct gen *g, unsigned n);
/* Before an instruction that may clobber EFLAGS: store what is pending and still wanted. */
void flags_flush(struct gen *g, const struct ir_insn *i);
/* x86 condition for an Arm condition in borrow form. */
unsigned flags_cc(unsigned cc);
/* Make EFLAGS answer cc, from memory if need be: returns the x86 condition. */
unsigned flags_test(struct gen *g, unsigned cc);

/* ---- fault.c ---- */
void host_fault_set_sp(void *ucontext, const void *sp);

/* ---- root.c ---- */
/* SLOW: where to go on with the helper, as host_state.call[]. EPOCH may be NULL: always there. */
void emit_root(struct as *a, unsigned half, const struct vcpu_epoch *epoch, const uint8_t *slow);

/* ---- thunk.c ---- */
void host_eval_vec(const struct ir_insn *i, struct vcpu *c, u128 *args);
uint64_t host_eval_int(const struct ir_insn *i, struct vcpu *c, u128 *args);

#endif
