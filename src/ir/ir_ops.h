/*
 * ir_ops.h - every IR opcode, once.
 *
 * X(NAME, result, nargs, effects, "meaning")
 *   result:  NONE | T (the instruction's .t: I32 or I64) | I32 | I64 | V
 *   effects: bitwise or of IRE_*; see ir.h.
 *
 * Integers: an I32 value is kept zero-extended; every I32 operation leaves bits 63:32 zero. Shift counts are taken modulo
 * the width. .imm is the immediate, .esz the vector element size (0..3: 8..64 bits), .q = 1 for 128-bit vectors; with
 * q = 0 the operation is on 64 bits and the upper half of the result is zero. Scalar FP uses lane 0 of V values (.esz
 * 2 single, 3 double) and zeroes the rest. VINS, VINSE, VJOIN, VXTN, VUXTL, VSXTL, V*MULL, VLOW, VHIGH, VFIRST, VFROM, VFCVTL and VFCVTN
 * are on 128 bits whatever q says (the builder sets it). Shift counts may be I32 or I64 whatever T is. FP operations follow vcpu.fp with
 * Arm NaN rules and accumulate flags.
 */
#ifndef GNOMON_IR_IR_OPS_H
#define GNOMON_IR_IR_OPS_H

#define IR_OPS(X)                                                                                                       \
    X(NOP, NONE, 0, 0, "nothing: what passes leave of an instruction they remove")                                      \
    /* constants and guest state */                                                                                     \
    X(CONST, T, 0, 0, "imm")                                                                                            \
    X(GETR, T, 0, IRE_RGPR, "guest register .reg, its low half for I32")                                                \
    X(PUTR, NONE, 1, IRE_WGPR, "guest register .reg = a (I32 is zero-extended)")                                        \
    X(GETV, V, 0, IRE_RVEC, "vector register .reg, all 128 bits")    \
    X(PUTV, NONE, 1, IRE_WVEC, "vector register .reg = a")                                                              \
    X(LDSTATE, T, 0, IRE_STATE, "(.size 0..3) zero-extended load of the guest structure at byte offset imm")            \
    X(STSTATE, NONE, 1, IRE_STATE | IRE_WSTATE, "(.size 0..3) store a to the guest structure at byte offset imm")       \
    X(PC, I64, 0, 0, "vcpu.pc_page + imm (imm signed)")                                                                 \
    /* integer */                                                                                                       \
    X(ADD, T, 2, 0, "a + b")                                                                                            \
    X(SUB, T, 2, 0, "a - b")                                                                                            \
    X(MUL, T, 2, 0, "a * b, low half")                                                                                  \
    X(UMULH, I64, 2, 0, "high half of the unsigned 128-bit product")                                                    \
    X(SMULH, I64, 2, 0, "high half of the signed 128-bit product")                                                      \
    X(UDIV, T, 2, 0, "a / b unsigned; 0 when b = 0")                                                                    \
    X(SDIV, T, 2, 0, "a / b signed; 0 when b = 0, wraps at minimum / -1")                                               \
    X(AND, T, 2, 0, "a & b")                                                                                            \
    X(OR, T, 2, 0, "a | b")                                                                                             \
    X(XOR, T, 2, 0, "a ^ b")                                                                                            \
    X(ANDN, T, 2, 0, "a & ~b")                                                                                          \
    X(NOT, T, 1, 0, "~a")                                                                                               \
    X(NEG, T, 1, 0, "-a")                                                                                               \
    X(SHL, T, 2, 0, "a << b")                                                                                           \
    X(SHR, T, 2, 0, "a >> b unsigned")                                                                                  \
    X(SAR, T, 2, 0, "a >> b signed")                                                                                    \
    X(ROR, T, 2, 0, "rotate right")                                                                                     \
    X(EXTR, T, 2, 0, "low half of (a:b) >> imm")                                                                        \
    X(SEXT, T, 1, 0, "sign-extend the low .size (0: 8, 1: 16, 2: 32) bits of a, to T")                                  \
    X(ZEXT, T, 1, 0, "zero-extend the low .size (0: 8, 1: 16, 2: 32) bits of a, to T")                                  \
    X(TRUNC, I32, 1, 0, "low 32 bits of an I64")                                                                        \
    X(UBFX, T, 1, 0, "bits [imm & 63 +: imm >> 8] of a, zero-extended")                                                 \
    X(SBFX, T, 1, 0, "bits [imm & 63 +: imm >> 8] of a, sign-extended")                                                 \
    X(BFI, T, 2, 0, "a with bits [imm & 63 +: imm >> 8] replaced by the low bits of b")                                 \
    X(CLZ, T, 1, 0, "leading zeros; width for 0")                                                                       \
    X(CTZ, T, 1, 0, "trailing zeros; width for 0")                                                                      \
    X(RBIT, T, 1, 0, "bit reversal")                                                                                    \
    X(BSWAP, T, 1, 0, "byte reversal")                                                                                  \
    X(REV16, T, 1, 0, "byte reversal in each 16 bits")                                                                  \
    X(REV32, I64, 1, 0, "byte reversal in each 32 bits of an I64")                                                      \
    X(POPCNT, T, 1, 0, "population count")                                                                              \
    X(SELNZ, T, 3, 0, "a != 0 ? b : c  (a may be I32 or I64)")                                                          \
    /* the flags NZCV: one architectural flag state, as on the machine */                                               \
    X(ADDS, T, 2, IRE_WFLAGS, "a + b, sets NZCV")                                                                       \
    X(SUBS, T, 2, IRE_WFLAGS, "a - b, sets NZCV (C = no borrow)")                                                       \
    X(ANDS, T, 2, IRE_WFLAGS, "a & b, sets N Z, C = V = 0")                                                             \
    X(ADC, T, 2, IRE_RFLAGS, "a + b + C")                                                                               \
    X(SBC, T, 2, IRE_RFLAGS, "a - b - !C")                                                                              \
    X(ADCS, T, 2, IRE_RFLAGS | IRE_WFLAGS, "a + b + C, sets NZCV")                                                      \
    X(SBCS, T, 2, IRE_RFLAGS | IRE_WFLAGS, "a - b - !C, sets NZCV")                                                     \
    X(CCMP, NONE, 2, IRE_RFLAGS | IRE_WFLAGS, "cc ? flags of a - b (of .t) : NZCV = imm (Arm order N=8 Z=4 C=2 V=1)")   \
    X(CCMN, NONE, 2, IRE_RFLAGS | IRE_WFLAGS, "cc ? flags of a + b (of .t) : NZCV = imm")                               \
    X(CSEL, T, 2, IRE_RFLAGS, "cc ? a : b")                                                                             \
    X(SETC, T, 0, IRE_RFLAGS, "cc ? 1 : 0")                                                                             \
    X(GETNZCV, I64, 0, IRE_RFLAGS, "NZCV in bits 31:28")                                                                \
    X(SETNZCV, NONE, 1, IRE_WFLAGS, "NZCV = bits 31:28 of a")                                                           \
    X(FCMP, NONE, 2, IRE_WFLAGS | IRE_FP, "NZCV = FP compare of lane 0; imm = 1: signalling (FCMPE)")                   \
    /* memory: va = a + imm; .mem = struct ir_mem. May fault. */                                                        \
    X(LD, T, 1, IRE_FAULT | IRE_LOAD, "load, sign- or zero-extended to T")                                              \
    X(ST, NONE, 2, IRE_FAULT | IRE_STORE, "store b")                                                                    \
    X(LDV, V, 1, IRE_FAULT | IRE_LOAD, "load .mem.size 0..4 into the low bits of V, rest zero")                         \
    X(STV, NONE, 2, IRE_FAULT | IRE_STORE, "store the low 1 << .mem.size bytes of V b")                                 \
    X(AMO, T, 2, IRE_FAULT | IRE_LOAD | IRE_STORE, ".amo: atomically old = [va]; [va] = old OP b; result old (zext)")   \
    X(CAS, T, 3, IRE_FAULT | IRE_LOAD | IRE_STORE, "old = [va]; if (old == b (low size)) [va] = c; result old (zext)")  \
    X(STX, I32, 2, IRE_FAULT | IRE_LOAD | IRE_STORE, "store-exclusive b: 0 stored, 1 not; see vcpu.excl_addr")          \
    X(CASP, I64, 3, IRE_FAULT | IRE_LOAD | IRE_STORE, "16 bytes: old = [va]; if (old == vcpu.pair) [va] = c:b; result low half, pair[1] = high half of old") \
    X(STXP, I32, 3, IRE_FAULT | IRE_LOAD | IRE_STORE, "store-exclusive of 16 bytes, c:b")                               \
    X(FENCE, NONE, 0, IRE_STORE, "full barrier (MFENCE)")                                                               \
    /* calls: .call names a struct ir_helper; up to 3 integer arguments */                                              \
    X(CALL, T, 3, IRE_CALL, "helper(vcpu, a, b, c); unused arguments are IR_NONE")                                      \
    X(ROOT, NONE, 1, IRE_CALL, "in kernel mode: vcpu.roots.root[.bit] = a, with all that follows; .call(vcpu, a) does it where C must")  \
    /* the machine's clock, cumulative FP flags */                                                                      \
    X(COUNT, I64, 0, IRE_STATE, "counter_read(vcpu.counter)")                                                           \
    X(GETFPS, I64, 0, IRE_STATE, "FP_* flags: vcpu.fp.sticky, with what MXCSR has raised")                              \
    X(SETFPS, NONE, 1, IRE_STATE | IRE_WSTATE, "vcpu.fp.sticky = a, none in MXCSR")                                     \
    X(TRAPNZ, NONE, 1, IRE_FAULT | IRE_STATE, "(a & imm2) != 0: .call(vcpu, unspecified), which leaves by vcpu_unwind()")  \
    /* ways out of the middle of a block, to imm; else the block goes on. The state is canonical, as where something may fault. */  \
    X(SIDE_CC, NONE, 0, IRE_FAULT | IRE_RFLAGS, "cc")                                                                   \
    X(SIDE_NZ, NONE, 1, IRE_FAULT, "a (of .t) != 0")                                                                    \
    X(SIDE_Z, NONE, 1, IRE_FAULT, "a (of .t) == 0")                                                                     \
    X(SIDE_BIT, NONE, 1, IRE_FAULT, "bit .bit (0..63) of a set")                                                        \
    X(SIDE_NBIT, NONE, 1, IRE_FAULT, "bit .bit (0..63) of a clear")                                                     \
    /* ends of a block: exactly one, last. Targets are signed byte offsets from vcpu.pc_page. */                        \
    X(EXIT_JMP, NONE, 0, IRE_EXIT, "to imm")                                                                            \
    X(EXIT_CC, NONE, 0, IRE_EXIT | IRE_RFLAGS, "cc ? to imm : to imm2")                                                 \
    X(EXIT_NZ, NONE, 1, IRE_EXIT, "a (of .t) != 0 ? to imm : to imm2")                                                  \
    X(EXIT_Z, NONE, 1, IRE_EXIT, "a (of .t) == 0 ? to imm : to imm2")                                                   \
    X(EXIT_BIT, NONE, 1, IRE_EXIT, "bit .bit (0..63) of a set ? to imm : to imm2")                                      \
    X(EXIT_IND, NONE, 1, IRE_EXIT, "to the guest address a; .cc = enum ir_branch_hint")                                 \
    X(EXIT_CALL, NONE, 1, IRE_EXIT, "to imm; a return to the guest address a = pc_page + imm2 is likely to follow")      \
    X(EXIT_CALLR, NONE, 2, IRE_EXIT, "the same, to the guest address b")                                                \
    X(EXIT_DISPATCH, NONE, 0, IRE_EXIT, "to imm through the run loop (mode may have changed; interrupts are looked at)")\
    X(EXIT_MODE, NONE, 2, IRE_EXIT, "to the guest address a in the mode of context b: jc_ctx = ctx_space[a bit 55] ^ b")                \
    X(EXIT_STATE, NONE, 0, IRE_EXIT, "to where a helper has set pc_page and pc_off; jc_ctx is that of the mode there")               \
    /* vectors: moves and permutations */                                                                               \
    X(VCONST, V, 0, 0, "imm in the low half, imm2 in the high half")                                                    \
    X(VDUP, V, 1, 0, "integer a in every lane")                                                                         \
    X(VFROM, V, 1, 0, "integer a (low esz bits) in lane 0, rest zero")                                                  \
    X(VGET, I64, 1, 0, "lane imm of a, zero-extended")                                                                  \
    X(VGETS, T, 1, 0, "lane imm of a, sign-extended to T")                                                              \
    X(VINS, V, 2, 0, "a with lane imm = integer b")                                                                     \
    X(VINSE, V, 2, 0, "a with lane imm = lane imm2 of b")                                                               \
    X(VDUPE, V, 1, 0, "lane imm of a in every lane")                                                                    \
    X(VEXT, V, 2, 0, "bytes imm.. of b:a (a is low; of 16 or 8 bytes by q)")                                            \
    X(VZIP1, V, 2, 0, "ZIP1")                                                                                           \
    X(VZIP2, V, 2, 0, "ZIP2")                                                                                           \
    X(VUZP1, V, 2, 0, "UZP1")                                                                                           \
    X(VUZP2, V, 2, 0, "UZP2")                                                                                           \
    X(VTRN1, V, 2, 0, "TRN1")                                                                                           \
    X(VTRN2, V, 2, 0, "TRN2")                                                                                           \
    X(VREV, V, 1, 0, "lanes of esz reversed in containers of 8 << imm bits (REV16 imm 1, REV32 2, REV64 3)")            \
    X(VTBL, V, 2, 0, "TBL with one table register: bytes of a chosen by b, 0 where b >= 16")                            \
    X(VLOW, V, 1, 0, "low half of a, upper half zero")                                                                  \
    X(VHIGH, V, 1, 0, "high half of a moved to the low half, upper half zero")                                          \
    X(VJOIN, V, 2, 0, "low half of a; its upper half = low half of b")                                                  \
    X(VFIRST, V, 1, 0, "lane 0 of a, rest zero")                                                                        \
    /* vectors: bitwise and integer, lane-wise on esz */                                                                \
    X(VAND, V, 2, 0, "a & b")                                                                                           \
    X(VOR, V, 2, 0, "a | b")                                                                                            \
    X(VXOR, V, 2, 0, "a ^ b")                                                                                           \
    X(VANDN, V, 2, 0, "a & ~b")                                                                                         \
    X(VORN, V, 2, 0, "a | ~b")                                                                                          \
    X(VNOT, V, 1, 0, "~a")                                                                                              \
    X(VBSL, V, 3, 0, "(a & b) | (~a & c)")                                                                              \
    X(VADD, V, 2, 0, "a + b")                                                                                           \
    X(VSUB, V, 2, 0, "a - b")                                                                                           \
    X(VMUL, V, 2, 0, "a * b, esz 0..2")                                                                                 \
    X(VNEG, V, 1, 0, "-a")                                                                                              \
    X(VABS, V, 1, 0, "|a|, wraps")                                                                                      \
    X(VCMEQ, V, 2, 0, "a == b ? -1 : 0")                                                                                \
    X(VCMGT, V, 2, 0, "a > b signed")                                                                                   \
    X(VCMGE, V, 2, 0, "a >= b signed")                                                                                  \
    X(VCMHI, V, 2, 0, "a > b unsigned")                                                                                 \
    X(VCMHS, V, 2, 0, "a >= b unsigned")                                                                                \
    X(VCMTST, V, 2, 0, "(a & b) != 0 ? -1 : 0")                                                                         \
    X(VSMAX, V, 2, 0, "esz 0..2")                                                                                       \
    X(VSMIN, V, 2, 0, "esz 0..2")                                                                                       \
    X(VUMAX, V, 2, 0, "esz 0..2")                                                                                       \
    X(VUMIN, V, 2, 0, "esz 0..2")                                                                                       \
    X(VSHL, V, 1, 0, "a << imm (0..width-1)")                                                                           \
    X(VUSHR, V, 1, 0, "a >> imm unsigned (1..width)")                                                                   \
    X(VSSHR, V, 1, 0, "a >> imm signed (1..width)")                                                                     \
    X(VADDP, V, 2, 0, "pairwise add of b:a (ADDP)")                                                                     \
    X(VXTN, V, 1, 0, "each lane of 2*esz truncated to esz, in the low half; upper half zero")                           \
    X(VUXTL, V, 1, 0, "low-half (imm 1: high-half) lanes of esz zero-extended to 2*esz")                                \
    X(VSXTL, V, 1, 0, "low-half (imm 1: high-half) lanes of esz sign-extended to 2*esz")                                \
    X(VUMULL, V, 2, 0, "low-half (imm 1: high-half) lanes of esz 0..2 multiplied to 2*esz, unsigned")                   \
    X(VSMULL, V, 2, 0, "the same, signed")                                                                              \
    X(VUADDLP, V, 1, 0, "neighbouring lanes of esz 0..2 added to 2*esz, unsigned")                                      \
    X(VSADDLP, V, 1, 0, "the same, signed")                                                                             \
    X(VCNT, V, 1, 0, "population count of each byte")                                                                   \
    /* scalar floating point, lane 0 */                                                                                 \
    X(FADD, V, 2, IRE_FP, "a + b")                                                                                      \
    X(FSUB, V, 2, IRE_FP, "a - b")                                                                                      \
    X(FMUL, V, 2, IRE_FP, "a * b")                                                                                      \
    X(FDIV, V, 2, IRE_FP, "a / b")                                                                                      \
    X(FMAX, V, 2, IRE_FP, "maximum: NaN if one is, +0 above -0")                                                        \
    X(FMIN, V, 2, IRE_FP, "minimum")                                                                                    \
    X(FMAXNM, V, 2, IRE_FP, "maximum; of a number and a quiet NaN the number")                                          \
    X(FMINNM, V, 2, IRE_FP, "minimum likewise")                                                                         \
    X(FSQRT, V, 1, IRE_FP, "square root")                                                                               \
    X(FMADD, V, 3, IRE_FP, "fused c + a * b; imm bit 0 negates a, bit 1 negates c")                                     \
    X(FABS, V, 1, 0, "clear the sign of lane 0")                                                                        \
    X(FNEG, V, 1, 0, "flip the sign of lane 0")                                                                         \
    X(FCVT, V, 1, IRE_FP, "lane 0 of esz converted to esz imm (2 or 3)")                                                \
    X(FFROMS, V, 1, IRE_FP, "signed integer a (of .t) to esz, vcpu rounding")                                           \
    X(FFROMU, V, 1, IRE_FP, "unsigned integer a (of .t) to esz")                                                        \
    X(FTOS, T, 1, IRE_FP, "lane 0 to signed T, saturating, NaN to 0; imm = enum fp_round, or 4 ties away")              \
    X(FTOU, T, 1, IRE_FP, "lane 0 to unsigned T, saturating; imm likewise")                                             \
    X(FRINT, V, 1, IRE_FP, "round to integral; imm = enum fp_round, 4 ties away, 5 vcpu mode; bit 3: raise Inexact")    \
    /* vector floating point, esz 2..3 */                                                                               \
    X(VFADD, V, 2, IRE_FP, "a + b")                                                                                     \
    X(VFSUB, V, 2, IRE_FP, "a - b")                                                                                     \
    X(VFMUL, V, 2, IRE_FP, "a * b")                                                                                     \
    X(VFDIV, V, 2, IRE_FP, "a / b")                                                                                     \
    X(VFMAX, V, 2, IRE_FP, "maximum: NaN if one is, +0 above -0")                                                       \
    X(VFMIN, V, 2, IRE_FP, "minimum")                                                                                   \
    X(VFMAXNM, V, 2, IRE_FP, "maximum; of a number and a quiet NaN the number")                                         \
    X(VFMINNM, V, 2, IRE_FP, "minimum likewise")                                                                        \
    X(VFSQRT, V, 1, IRE_FP, "square root")                                                                              \
    X(VFMLA, V, 3, IRE_FP, "fused c + a * b; imm bit 0 negates a")                                                      \
    X(VFNEG, V, 1, 0, "flip the signs")                                                                                 \
    X(VFABS, V, 1, 0, "clear the signs")                                                                                \
    X(VFCMEQ, V, 2, IRE_FP, "a == b ? -1 : 0, quiet")                                                                   \
    X(VFCMGT, V, 2, IRE_FP, "a > b ? -1 : 0, signalling")                                                               \
    X(VFCMGE, V, 2, IRE_FP, "a >= b ? -1 : 0, signalling")                                                              \
    X(VFFROMS, V, 1, IRE_FP, "signed lanes to floating point")                                                          \
    X(VFFROMU, V, 1, IRE_FP, "unsigned lanes likewise")                                                                 \
    X(VFTOS, V, 1, IRE_FP, "lanes to signed integers, as FTOS")                                                         \
    X(VFTOU, V, 1, IRE_FP, "lanes to unsigned integers, as FTOU")                                                       \
    X(VFRINT, V, 1, IRE_FP, "lanes rounded to integral, as FRINT")                                                      \
    X(VFCVTL, V, 1, IRE_FP, "the low two singles to doubles")                                                           \
    X(VFCVTN, V, 1, IRE_FP, "two doubles to singles, upper half zero")                                                  \
    /* AES and SHA rounds on 128 bits, products of polynomials */                                                       \
    X(VAESE, V, 1, 0, "ShiftRows and SubBytes of a")                                                                    \
    X(VAESD, V, 1, 0, "their inverses")                                                                                 \
    X(VAESMC, V, 1, 0, "MixColumns of a")                                                                               \
    X(VAESIMC, V, 1, 0, "its inverse")                                                                                  \
    X(VAESEMC, V, 1, 0, "VAESMC of VAESE of a")                                                                         \
    X(VAESDIMC, V, 1, 0, "VAESIMC of VAESD of a")                                                                       \
    X(VSHA1, V, 3, 0, "a..d of four SHA-1 rounds on a = a..d, b = e (lane 0), c = schedule + K; imm 0 choose, 1 parity, 2 majority") \
    X(VSHA256H, V, 3, 0, "a..d of four SHA-256 rounds on a = a..d, b = e..h, c = schedule + K")                         \
    X(VSHA256H2, V, 3, 0, "e..h of the same, on a = e..h, b = a..d")                                                    \
    X(VSHA256SU0, V, 2, 0, "a + sigma0(b:a one word on)")                                                               \
    X(VSHA256SU1, V, 3, 0, "a + (c:b one word on) + sigma1 of the words two before")                                    \
    X(VPMULL, V, 2, 0, "128-bit product over {0, 1} of the halves imm (0 low, 1 high) of a and b")                      \
    X(VSTICKY, NONE, 1, IRE_STATE | IRE_WSTATE, "vcpu.fp.sticky |= imm (31 bits) if any bit of a is set")

#endif
