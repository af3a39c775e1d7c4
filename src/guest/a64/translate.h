/*
 * translate.h - what the A64 translation groups (translate_*.c) share.
 *
 * The decoder (generated from *.decode by tools/decode.py) calls trans_NAME(tr, &fields). A trans_ function emits IR and
 * returns true, or returns false without having emitted anything: the encoding is UNDEFINED.
 */
#ifndef GNOMON_GUEST_A64_TRANSLATE_H
#define GNOMON_GUEST_A64_TRANSLATE_H

#include "guest/a64/state.h"
#include "guest/guest.h"
#include "ir/ir.h"

struct a64_tr {
    struct ir_block *b;
    const struct translate_ctx *ctx;
    const struct a64_cpu *cpu;                    /* identity and features only: state is not constant */
    uint32_t insn;
    uint32_t pc_off;                              /* of this instruction in its page */
    uint32_t next;                                /* of the one that the block goes on with */
    uint32_t flags;                               /* A64F_* */
    bool ended;                                   /* this instruction emitted an exit: the block is complete */
    uint32_t sides;                               /* conditional branches that the block went on behind */
    uint32_t jumps;                               /* jumps that it may yet go on behind */
    uint32_t rounds, round;                       /* of a loop: how many it may have, and rounds complete */
    struct { uint8_t kind; ir_val a, b, r; } abd; /* the last absolute difference: of a and b, of which lanes; 0: none */
    ir_val sp_ok;                                 /* the last value of SP whose alignment was checked, or IR_NONE */
};

/* General registers. n = 31 is XZR/WZR for _x, SP for _xsp. t: IR_I32 or IR_I64. */
ir_val a64_x(struct a64_tr *tr, enum ir_type t, unsigned n);
ir_val a64_xsp(struct a64_tr *tr, enum ir_type t, unsigned n);
void a64_set_x(struct a64_tr *tr, unsigned n, ir_val v);       /* 31: discarded */
void a64_set_xsp(struct a64_tr *tr, unsigned n, ir_val v);
static inline enum ir_type a64_t(unsigned sf) { return sf ? IR_I64 : IR_I32; }

/* Base register for a load or store (checks SP alignment when n = 31 and SCTLR says so). */
ir_val a64_base(struct a64_tr *tr, unsigned n);
/* struct ir_mem for a plain access of 1 << size bytes at the current EL. unpriv: LDTR/STTR. */
struct ir_mem a64_mem(const struct a64_tr *tr, unsigned size, bool write, bool unpriv);

/* End the block with a synchronous exception at this instruction (return address this, or the next for SVC-like). */
void a64_tr_raise(struct a64_tr *tr, uint32_t ec, uint32_t iss, bool return_to_next);
/* End the block here and go through the run loop at the next instruction (mode may have changed). */
void a64_tr_dispatch_next(struct a64_tr *tr);
/* FP/SIMD access check. false: the trap has been emitted and tr->ended is set; the caller returns true at once. */
bool a64_fp_ok(struct a64_tr *tr) MUST_CHECK;

/* Is the instruction at this offset one of the block already? */
bool a64_tr_been(const struct a64_tr *tr, uint32_t off);
/* Control flow to offsets from vcpu.pc_page; ends the block. These obey software step (A64F_SS), plain ir_exit_*() do not. */
void a64_tr_jmp(struct a64_tr *tr, int64_t target);
void a64_tr_ind(struct a64_tr *tr, ir_val target, enum ir_branch_hint hint);

/* Emitted first when flags has A64F_SS, A64F_BREAK or A64F_IL (a64.c). false: an exception is emitted, do not decode. */
bool a64_tr_prologue(struct a64_tr *tr) MUST_CHECK;

/* guest_ops.translate. */
void a64_translate(struct ir_block *b, const struct translate_ctx *ctx, const struct vcpu *c);

/* Feature tests by ID register, so that models differ only in their ID registers. X(name) -> a64_has_name(cpu) */
#define A64_FEATURES(X)                                                                                             \
    X(aes) X(pmull) X(sha1) X(sha256) X(crc32) X(lse) X(rdm) X(pan) X(uao) X(fp16) X(dpb) X(lrcpc) X(lrcpc2)       \
    X(flagm) X(flagm2) X(tlbi_range) X(tlbi_os) X(dit) X(ssbs) X(sb) X(jscvt) X(frint) X(sha512) X(sha3) X(dotprod) X(fhm) X(fcma) X(rng) X(i8mm) X(bf16)
#define X(name) bool a64_has_##name(const struct a64_cpu *c);
A64_FEATURES(X)
#undef X

/* Generated decoders, one a .decode file: true if the instruction was translated. */
bool a64_decode_base(struct a64_tr *tr, uint32_t insn);        /* a64_base.decode: DP, branches, loads and stores */
bool a64_decode_simd(struct a64_tr *tr, uint32_t insn);        /* a64_simd.decode: FP, Advanced SIMD, crypto, their loads and stores */
bool a64_decode_sys(struct a64_tr *tr, uint32_t insn);         /* a64_sys.decode: exceptions, barriers, hints, MSR/MRS/SYS */

#endif
