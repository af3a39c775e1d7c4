/*
 * regs.h - which host registers hold what: the homes of hot guest registers, temporaries, the frame.
 *
 * One table to change. RBP = vCPU + VCPU_BIAS, RSP = stack of returns (lower_exit.c), RAX = scratch of the lowering (never holds a value across
 * IR instructions). XMM14 and XMM15 are scratch likewise.
 */
#ifndef GNOMON_HOST_X86_64_REGS_H
#define GNOMON_HOST_X86_64_REGS_H

#include "host/x86_64/asm.h"
#include "ir/vcpu.h"

/* X(guest register, host register) */
#define HOMES(X) X(0, RBX) X(1, R8) X(2, R9) X(3, R10) X(4, R11) X(19, R12) X(31, R15)

static inline unsigned home_of(unsigned g)
{
    static const uint8_t home[VCPU_GPRS] = {
#define X(guest, host) [guest] = host,
        HOMES(X)
#undef X
    };
    return home[g] ? home[g] : NOREG;            /* RAX = 0 is no home */
}

/*
 * Vector homes. Blocks that use no vectors leave them alone, and C may clobber them: vcpu.vec_live says whether they hold the
 * guest's registers. Blocks with vectors load them first if they do not; every way to C stores them if they do.
 */
#define VEC_HOMES 8                              /* guest V0..V7: XMM0..XMM7 */
static inline unsigned vec_home_of(unsigned n) { return n < VEC_HOMES ? XMM(n) : NOREG; }

#define TEMP_GPRS (1u << RCX | 1u << RDX | 1u << RSI | 1u << RDI | 1u << R13 | 1u << R14)
#define TEMP_XMMS 0x3f000000u                    /* XMM8..XMM13; see temp_xmms() */
#define XT2 XMM(13)                              /* only without AVX */
#define XT0 XMM(14)
#define XT1 XMM(15)

#define STATE(field) mo_bd(RBP, (int32_t)offsetof(struct vcpu, field) - VCPU_BIAS)
static inline struct mo state_gpr(unsigned g) { return mo_bd(RBP, (int32_t)g * 8 - VCPU_BIAS); }
static inline struct mo state_vec(unsigned n)
{
    return mo_bd(RBP, (int32_t)(offsetof(struct vcpu, v) + n * 16) - VCPU_BIAS);
}
static inline struct mo state_at(size_t off) { return mo_bd(RBP, (int32_t)off - VCPU_BIAS); }

/* The frame: vcpu.frame. */
#define F_ARG0 0                                 /* 16-byte arguments of thunks; the result comes back in F_ARG0 */
#define F_ARG1 16
#define F_ARG2 32
#define F_MEM 48                                 /* mem | pc_off << 16 | amo << 28 */
#define F_TMP 56                                 /* two words for a lowering */
#define F_INT 80                                 /* spill slots */
#define INT_SLOTS 256
#define F_VEC (F_INT + INT_SLOTS * 8)
#define VEC_SLOTS 128
#define F_GPRSAVE (F_VEC + VEC_SLOTS * 16)       /* thunks: RCX RDX RSI RDI */
#define F_XMMSAVE (F_GPRSAVE + 32)
#define F_MXCSR (F_XMMSAVE + 256)                /* the host's */
#define F_MXTMP (F_MXCSR + 4)
#define FRAME_SIZE (F_MXCSR + 8)
_Static_assert(FRAME_SIZE <= VCPU_FRAME, "vcpu.frame");
_Static_assert(F_VEC % 16 == 0 && F_XMMSAVE % 16 == 0, "aligned slots");
static inline struct mo frame(int32_t off) { return state_at(offsetof(struct vcpu, frame) + (size_t)off); }

#endif
