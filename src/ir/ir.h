/*
 * ir.h - the intermediate representation: one straight-line block of SSA instructions over the guest state.
 *
 * Owns the block, its builder, verifier, printer and reference interpreter. Must not know any guest or host ISA.
 *
 * A block is a list of struct ir_insn; a value is named by the index of the instruction that makes it (ir_val). Guest
 * registers are read and written by GETR/PUTR and GETV/PUTV in guest program order. Every guest instruction starts with
 * ir_begin_insn(); an instruction that may fault does so with the guest registers as its PUTs so far say ("canonical
 * state": write all PUTs of a guest instruction after its last faulting operation, unless the architecture says otherwise).
 */
#ifndef GNOMON_IR_IR_H
#define GNOMON_IR_IR_H

#include "base/base.h"
#include "ir/ir_ops.h"
#include "ir/vcpu.h"

enum ir_type { IR_NOTYPE, IR_I32, IR_I64, IR_V };

enum ir_op {
#define X(name, result, nargs, effects, meaning) IR_##name,
    IR_OPS(X)
#undef X
    IR_OP_COUNT
};

/* Effects. */
#define IRE_RGPR 0x0001u
#define IRE_WGPR 0x0002u
#define IRE_RVEC 0x0004u
#define IRE_WVEC 0x0008u
#define IRE_RFLAGS 0x0010u
#define IRE_WFLAGS 0x0020u
#define IRE_FAULT 0x0040u                        /* may leave the block, with a guest fault or otherwise: state must be canonical */
#define IRE_LOAD 0x0080u
#define IRE_STORE 0x0100u
#define IRE_CALL 0x0200u                         /* see struct ir_helper for the rest */
#define IRE_EXIT 0x0400u
#define IRE_FP 0x0800u                           /* reads vcpu.fp, accumulates sticky flags */
#define IRE_STATE 0x1000u                        /* reads the guest structure directly */
#define IRE_WSTATE 0x2000u                       /* writes it */

/* Condition codes, in the Arm encoding (Arm ARM DDI 0487, C1.2.4). */
enum ir_cc { CC_EQ, CC_NE, CC_CS, CC_CC, CC_MI, CC_PL, CC_VS, CC_VC, CC_HI, CC_LS, CC_GE, CC_LT, CC_GT, CC_LE, CC_AL, CC_NV };

enum ir_branch_hint { BR_PLAIN, BR_RET };

enum ir_amo { AMO_SWP, AMO_ADD, AMO_CLR, AMO_EOR, AMO_SET, AMO_SMAX, AMO_SMIN, AMO_UMAX, AMO_UMIN };

/* How a memory access behaves. Packed into 16 bits: it travels as an immediate to the slow path. */
struct ir_mem {
    uint16_t size : 3;                           /* log2 bytes, 0..4 */
    uint16_t sext : 1;                           /* LD: sign-extend to the result type (32 or 64 bits) */
    uint16_t wide : 1;                           /* LD with sext: the result type is I64 */
    uint16_t view : 2;                           /* enum view */
    uint16_t align : 1;                          /* misaligned va is an alignment fault whatever the memory */
    uint16_t write : 1;                          /* set for ST, STV, AMO, CAS, STX, CASP, STXP */
    uint16_t pair : 1;                           /* the first half of a 16-byte pair: align means to 16 bytes */
    uint16_t region : 6;                         /* spare */
};
_Static_assert(sizeof(struct ir_mem) == 2, "travels as 16 bits");

/* Sentinel for an absent argument. */
typedef uint16_t ir_val;
#define IR_NONE ((ir_val)0xffff)

/* A C function callable from IR. Pure helpers have effects 0. */
typedef uint64_t ir_helper_fn(struct vcpu *c, uint64_t a, uint64_t b, uint64_t d);
struct ir_helper {
    const char *name;
    ir_helper_fn *fn;
    uint32_t effects;                            /* IRE_RGPR|WGPR|RVEC|WVEC|RFLAGS|WFLAGS|FAULT|FP|STATE|WSTATE|LOAD|STORE: in memory when called */
};

struct ir_insn {
    uint8_t op;                                  /* enum ir_op */
    uint8_t t;                                   /* enum ir_type: of the result, or of the operands where there is none */
    uint8_t reg;                                 /* GETR..PUTV */
    uint8_t cc;                                  /* enum ir_cc; AMO: enum ir_amo; EXIT_IND: enum ir_branch_hint */
    uint8_t esz : 2, q : 1, size3 : 3;           /* size3: .size of LDSTATE, STSTATE, SEXT, ZEXT */
    uint8_t put : 1, : 1;                        /* builder: some PUTR wrote this value, so a guest register holds (or held) it */
    uint8_t bit;                                 /* EXIT_BIT */
    struct ir_mem mem;
    ir_val a, b, c;
    uint16_t pc_off;                             /* offset in its page of the guest instruction this belongs to */
    union {
        int64_t imm;
        const struct ir_helper *call;
    };
    int64_t imm2;
};
_Static_assert(sizeof(struct ir_insn) == 32, "two to a cache line");

#define IR_MAX_INSNS 2048
#define IR_MAX_GUEST 64                          /* guest instructions a block */
#define IR_MAX_JUMPS 2                           /* jumps in its page that a block may go on behind */

/* Guest code that a block was made from, without a gap: offset in the page, bytes. */
struct ir_part { uint16_t off, size; };
#define IR_MAX_PARTS (1 + IR_MAX_JUMPS)

struct ir_block {
    uint32_t n;                                  /* instructions */
    uint32_t guest_insns;
    uint32_t pc_off;                             /* offset in the page of the first guest instruction */
    uint32_t size;                               /* guest bytes of all parts */
    uint16_t cur_pc_off;
    bool ended;
    uint8_t n_parts;
    struct ir_part part[IR_MAX_PARTS];           /* in the order of execution; they do not overlap */
    /* Forwarding at build time: the value last read or written, or IR_NONE. */
    ir_val gpr32[VCPU_GPRS], gpr64[VCPU_GPRS], vec[VCPU_VREGS];
    ir_val recent[16];                           /* CONST and PC values by hash, for re-use */
    struct ir_insn insn[IR_MAX_INSNS];
};

/* ---- builder (src/ir/build.c): folds constants, forwards guest registers, removes identities as it goes ---- */
void ir_reset(struct ir_block *b, uint32_t pc_off);
/* The part that the block is at ends before END; it goes on at NEXT, in the same page. */
void ir_next_part(struct ir_block *b, uint32_t end, uint32_t next);
/* The block ends before END: .part and .size are complete. */
void ir_end_parts(struct ir_block *b, uint32_t end);
static inline void ir_begin_insn(struct ir_block *b, uint32_t pc_off)
{
    b->cur_pc_off = (uint16_t)pc_off;
    b->guest_insns++;
}
#define IR_ROOM 200                              /* operations that one guest instruction may need, with slack */
/* Room for another guest instruction of the worst case? */
static inline bool ir_has_room(const struct ir_block *b) { return b->n + IR_ROOM <= IR_MAX_INSNS; }

ir_val ir_const(struct ir_block *b, enum ir_type t, uint64_t imm);
ir_val ir_getr(struct ir_block *b, enum ir_type t, unsigned reg);
void ir_putr(struct ir_block *b, unsigned reg, ir_val v);      /* type taken from v */
ir_val ir_getv(struct ir_block *b, unsigned reg);
void ir_putv(struct ir_block *b, unsigned reg, ir_val v);
ir_val ir_ldstate(struct ir_block *b, enum ir_type t, unsigned size, size_t offset);
void ir_ststate(struct ir_block *b, unsigned size, size_t offset, ir_val v);
ir_val ir_pc(struct ir_block *b, int64_t off);

ir_val ir_op0(struct ir_block *b, enum ir_op op, enum ir_type t);                                     /* GETNZCV, FENCE */
ir_val ir_op1(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a);
ir_val ir_op2(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a, ir_val x);
ir_val ir_op3(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a, ir_val x, ir_val y);
ir_val ir_op1i(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a, int64_t imm);              /* UBFX, SBFX */
ir_val ir_op2i(struct ir_block *b, enum ir_op op, enum ir_type t, ir_val a, ir_val x, int64_t imm);    /* EXTR, BFI */
ir_val ir_ext(struct ir_block *b, enum ir_op op, enum ir_type t, unsigned size, ir_val a);             /* SEXT, ZEXT */
ir_val ir_csel(struct ir_block *b, enum ir_type t, enum ir_cc cc, ir_val a, ir_val x);                 /* AL, NV: a */
ir_val ir_setc(struct ir_block *b, enum ir_type t, enum ir_cc cc);
void ir_ccmp(struct ir_block *b, enum ir_op op, enum ir_type t, enum ir_cc cc, unsigned nzcv, ir_val a, ir_val x);

ir_val ir_ld(struct ir_block *b, enum ir_type t, struct ir_mem m, ir_val base, int64_t off);
void ir_st(struct ir_block *b, struct ir_mem m, ir_val base, int64_t off, ir_val v);
ir_val ir_ldv(struct ir_block *b, struct ir_mem m, ir_val base, int64_t off);
void ir_stv(struct ir_block *b, struct ir_mem m, ir_val base, int64_t off, ir_val v);
ir_val ir_amo(struct ir_block *b, enum ir_type t, enum ir_amo amo, struct ir_mem m, ir_val base, ir_val v);
ir_val ir_cas(struct ir_block *b, enum ir_type t, struct ir_mem m, ir_val base, ir_val expect, ir_val v);
ir_val ir_stx(struct ir_block *b, struct ir_mem m, ir_val base, ir_val v);
/* IR_CASP or IR_STXP: m.size is 4. */
ir_val ir_pair(struct ir_block *b, enum ir_op op, struct ir_mem m, ir_val base, ir_val lo, ir_val hi);

ir_val ir_call(struct ir_block *b, enum ir_type t, const struct ir_helper *h, ir_val a, ir_val x, ir_val y);

/* vcpu.roots.root[half] = v: a switch of address spaces. h: see IR_ROOT; it returns nothing and changes no guest register. */
void ir_root(struct ir_block *b, unsigned half, const struct ir_helper *h, ir_val v);

/*
 * A rare way out of the block: when a has any bit of mask (1..0x7fffffff) the helper is called with the instruction's canonical
 * state; it sets the state to go on with and ends in vcpu_unwind(). Costs a test and a jump not taken.
 */
void ir_trapnz(struct ir_block *b, ir_val a, uint32_t mask, const struct ir_helper *h);

/* Vectors and FP: V results. esz 0..3, q 0..1. */
ir_val ir_vop(struct ir_block *b, enum ir_op op, unsigned esz, unsigned q, ir_val a, ir_val x, ir_val y);
ir_val ir_vopi(struct ir_block *b, enum ir_op op, unsigned esz, unsigned q, ir_val a, ir_val x, ir_val y, int64_t imm, int64_t imm2);
ir_val ir_vconst(struct ir_block *b, uint64_t lo, uint64_t hi);
void ir_vsticky(struct ir_block *b, ir_val a, uint32_t flags);   /* vcpu.fp.sticky |= flags if a is not all zero */
/* V -> integer (VGET, VGETS, FTOS, FTOU) and integer -> V (FFROMS, FFROMU: t = type of a). */
ir_val ir_vget(struct ir_block *b, enum ir_op op, enum ir_type t, unsigned esz, ir_val a, int64_t imm);
ir_val ir_ffrom(struct ir_block *b, enum ir_op op, enum ir_type t, unsigned esz, ir_val a);
void ir_fcmp(struct ir_block *b, unsigned esz, ir_val a, ir_val x, bool signalling);

/* Ways out of the middle; those with a constant operand end the block (b->ended) or are nothing. op: SIDE_NZ .. SIDE_NBIT. */
void ir_side_cc(struct ir_block *b, enum ir_cc cc, int64_t taken);
void ir_side_test(struct ir_block *b, enum ir_op op, ir_val a, unsigned bit, int64_t taken);
#define IR_MAX_SIDES 8                           /* a block */

void ir_exit_jmp(struct ir_block *b, int64_t target);
void ir_exit_cc(struct ir_block *b, enum ir_cc cc, int64_t taken, int64_t next);
void ir_exit_test(struct ir_block *b, enum ir_op op, ir_val a, unsigned bit, int64_t taken, int64_t next); /* EXIT_NZ, EXIT_Z, EXIT_BIT */
void ir_exit_ind(struct ir_block *b, ir_val target, enum ir_branch_hint hint);
/* Calls: ret is the address behind the instruction, ret_off its offset in the page. */
void ir_exit_call(struct ir_block *b, int64_t target, ir_val ret, uint32_t ret_off);
void ir_exit_callr(struct ir_block *b, ir_val target, ir_val ret, uint32_t ret_off);
void ir_exit_dispatch(struct ir_block *b, int64_t target);
void ir_exit_mode(struct ir_block *b, ir_val target, ir_val ctx);      /* ctx: vcpu.ctx_mode[], xor vcpu_ctx_flags() of more flags */
void ir_exit_state(struct ir_block *b);

/* ---- properties, verifier, printer ---- */
#define IR_RES_T 4                               /* ir_op_info.result: the instruction's .t; else an enum ir_type */
struct ir_op_info {
    const char *name;
    uint8_t nargs, result;
    uint16_t effects;
    bool vec;                                    /* has vector operands or a vector result */
};
extern const struct ir_op_info ir_op_info[IR_OP_COUNT];
/* Type of the value that i makes; IR_NOTYPE: none. */
static inline enum ir_type ir_result_type(const struct ir_insn *i)
{
    unsigned r = ir_op_info[i->op].result;
    return (enum ir_type)(r == IR_RES_T ? i->t : r);
}
/* i has no operands b and c, as most: one comparison. */
static inline bool ir_no_bc(const struct ir_insn *i)
{
    uint32_t bc;
    _Static_assert(offsetof(struct ir_insn, c) == offsetof(struct ir_insn, b) + 2, "side by side");
    __builtin_memcpy(&bc, &i->b, 4);
    return bc == ((uint32_t)IR_NONE << 16 | IR_NONE);
}
/* Effects of one instruction, a CALL's helper included. */
uint32_t ir_effects(const struct ir_insn *i);
/* bug()s with a listing when the block breaks a rule (types, definition before use, one exit, last). */
void ir_verify(const struct ir_block *b);
void ir_print(const struct ir_block *b, void (*out)(const char *fmt, ...));

/* ---- the reference interpreter ---- */
struct ir_mem_ops {                              /* src/mmu's slow paths; on a guest fault they do not return */
    uint64_t (*load)(struct vcpu *c, uint64_t va, uint32_t mem, uint32_t pc_off);
    void (*store)(struct vcpu *c, uint64_t va, uint64_t v, uint32_t mem, uint32_t pc_off);
    u128 (*load128)(struct vcpu *c, uint64_t va, uint32_t mem, uint32_t pc_off);
    void (*store128)(struct vcpu *c, uint64_t va, uint64_t lo, uint64_t hi, uint32_t mem, uint32_t pc_off);
    uint64_t (*amo)(struct vcpu *c, uint64_t va, uint64_t v, uint32_t mem_amo /* mem | amo << 16 */, uint32_t pc_off);
    uint64_t (*cas)(struct vcpu *c, uint64_t va, uint64_t expect, uint64_t v, uint32_t mem, uint32_t pc_off);
    uint64_t (*stx)(struct vcpu *c, uint64_t va, uint64_t v, uint32_t mem, uint32_t pc_off);
    /* 16 bytes at once; see IR_CASP and IR_STXP. */
    uint64_t (*casp)(struct vcpu *c, uint64_t va, uint64_t lo, uint64_t hi, uint32_t mem, uint32_t pc_off);
    uint64_t (*stxp)(struct vcpu *c, uint64_t va, uint64_t lo, uint64_t hi, uint32_t mem, uint32_t pc_off);
};
/* Runs the block to its exit; on return pc_page/pc_off name the next instruction. */
void ir_interpret(const struct ir_block *b, struct vcpu *c, const struct ir_mem_ops *ops);

static inline uint16_t ir_mem_pack(struct ir_mem m) { uint16_t r; __builtin_memcpy(&r, &m, 2); return r; }
static inline struct ir_mem ir_mem_unpack(uint16_t v) { struct ir_mem m; __builtin_memcpy(&m, &v, 2); return m; }
/* Bits of va that must be zero. */
static inline unsigned ir_mem_align_mask(struct ir_mem m) { return m.align ? (1u << (m.pair ? 4 : m.size)) - 1 : 0; }

#endif
