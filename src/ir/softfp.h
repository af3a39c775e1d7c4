/*
 * softfp.h - reference floating point in integers: IEEE 754 with Arm's NaN rules, FZ, DN, tininess before rounding.
 *
 * Serves the IR interpreter, the rare slow paths of native FP code, and the guest operations without a native form.
 * Values are raw bits in the low ESZ (1 half, 2 single, 3 double) bits; flags accumulate in env->sticky as FP_*.
 * Source of the rules: Arm ARM DDI 0487, shared/functions/float pseudocode.
 */
#ifndef GNOMON_IR_SOFTFP_H
#define GNOMON_IR_SOFTFP_H

#include "ir/vcpu.h"

#define FP_TIES_AWAY 4                           /* besides enum fp_round */
#define FP_ROUND_ODD 5                           /* FCVTXN */

uint64_t sfp_add(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);
uint64_t sfp_sub(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);
uint64_t sfp_mul(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);
uint64_t sfp_mulx(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);
uint64_t sfp_div(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);
uint64_t sfp_sqrt(struct fp_env *e, unsigned esz, uint64_t a);
uint64_t sfp_muladd(struct fp_env *e, unsigned esz, uint64_t addend, uint64_t a, uint64_t b); /* FPMulAdd */
uint64_t sfp_max(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);
uint64_t sfp_min(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);
uint64_t sfp_maxnm(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);
uint64_t sfp_minnm(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);
uint64_t sfp_recip_estimate(struct fp_env *e, unsigned esz, uint64_t a);
uint64_t sfp_rsqrt_estimate(struct fp_env *e, unsigned esz, uint64_t a);
/* The tables behind the estimates, URECPE and URSQRTE: a 256..511 (0.5..1) or 128..511 (0.25..1) -> 256..511 (1..2). */
unsigned sfp_recip_table(unsigned a);
unsigned sfp_rsqrt_table(unsigned a);
uint64_t sfp_recip_step(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);   /* FRECPS, fused */
uint64_t sfp_rsqrt_step(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);   /* FRSQRTS, fused */
uint64_t sfp_recpx(struct fp_env *e, unsigned esz, uint64_t a);
/* Compare: Arm NZCV nibble (N=8 Z=4 C=2 V=1). */
unsigned sfp_compare(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b, bool signalling);
bool sfp_eq(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);               /* quiet */
bool sfp_gt(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);               /* signalling */
bool sfp_ge(struct fp_env *e, unsigned esz, uint64_t a, uint64_t b);
/* ROUND: enum fp_round or FP_TIES_AWAY. */
uint64_t sfp_round_int(struct fp_env *e, unsigned esz, uint64_t a, unsigned round, bool exact);
/* To fixed point with FBITS fraction bits, WIDTH 16, 32 or 64, saturating; result zero-extended from WIDTH. */
uint64_t sfp_to_fixed(struct fp_env *e, unsigned esz, uint64_t a, unsigned fbits, bool is_unsigned, unsigned width, unsigned round);
/* From fixed point; ROUND as in env. */
uint64_t sfp_from_fixed(struct fp_env *e, unsigned esz, uint64_t a, unsigned fbits, bool is_unsigned, unsigned width);
uint64_t sfp_convert(struct fp_env *e, unsigned to, unsigned from, uint64_t a, unsigned round); /* between formats; half follows env->ahp */

/* Move MXCSR's sticky flags (live, and env->mxcsr) into env->sticky and clear them (call before reading FPSR or handing FP to C). */
void fp_collect_host_flags(struct fp_env *e);

#endif
