/*
 * sysreg.h - how each system register is read and written: one row a register, made from sysreg_table.h.
 *
 * Owns the row's shape and the list of helpers that rows name. Rows are constant; state is in struct a64_cpu.
 */
#ifndef GNOMON_GUEST_A64_SYSREG_H
#define GNOMON_GUEST_A64_SYSREG_H

#include "guest/a64/translate.h"

/* Who may read and write. */
#define ACC_R0 0x01u
#define ACC_W0 0x02u
#define ACC_R1 0x04u
#define ACC_W1 0x08u
#define RW0 (ACC_R0 | ACC_W0 | ACC_R1 | ACC_W1)
#define RO0 (ACC_R0 | ACC_R1)
#define R0W1 (ACC_R0 | ACC_R1 | ACC_W1)
#define RW1 (ACC_R1 | ACC_W1)
#define RO1 ACC_R1
#define WO1 ACC_W1
/* Further conditions, tested when translating (they are mode flags). */
#define IF_UCT 0x10u                              /* EL0: SCTLR_EL1.UCT, else trapped */
#define IF_UMA 0x20u                              /* EL0: SCTLR_EL1.UMA, else trapped */
#define IF_FP 0x40u                               /* FP/SIMD access */
#define IF_SP0 0x80u                              /* EL1 with SPSel = 0: UNDEFINED */
#define IF_GIC 0x100u                             /* a GICv3 CPU interface is connected */

enum way {
    WAY_NO,                                       /* UNDEFINED (sysreg.c refuses it by access bits already) */
    WAY_FIELD,                                    /* load or store of a field; mask: bits that writes keep */
    WAY_BIT,                                      /* reads: a byte field, shifted left by .shift */
    WAY_ID,                                       /* reads: a constant of struct a64_idregs */
    WAY_ZERO,                                     /* reads: zero */
    WAY_CONST,                                    /* reads: .mask */
    WAY_IGNORE,                                   /* writes: nothing */
    WAY_CALL,                                     /* helper(value, encoding, ISS of a trap) */
    WAY_CALL_DISPATCH,                            /* writes: the same, then through the run loop (mode flags) */
    WAY_STORE_DISPATCH,                           /* writes: bit .shift to a byte field, then through the run loop */
    WAY_STORE_BIT,                                /* writes: bit .shift to a byte field */
    WAY_ROOT,                                     /* writes: IR_ROOT of the half .shift */
    WAY_NZCV,
    WAY_DAIF,                                     /* writes: PSTATE.DAIF, and a look at pending interrupts */
    WAY_COUNT,                                    /* reads: IR_COUNT, or as WAY_CALL where that is not possible */
    WAY_FPCR,                                     /* writes: a way out of the block if that changes anything */
    WAY_FPSR,
    WAY_CURRENTEL,
    WAY_PFR0,                                     /* ID_AA64PFR0_EL1: a constant, and whether a GICv3 is connected */
};

struct sysreg_way {
    uint8_t way;                                  /* enum way */
    uint8_t size;                                 /* bytes of the field */
    uint8_t shift;
    uint32_t off;
    uint64_t mask;
    const struct ir_helper *call;
};

struct a64_sysreg {
    const char *name;
    uint32_t enc;                                 /* A64_SYSREG() */
    uint16_t access;
    bool (*feature)(const struct a64_cpu *c);     /* NULL: always there */
    struct sysreg_way rd, wr;
};

extern const struct a64_sysreg a64_sysregs[];
extern const unsigned a64_sysregs_count;
/* NULL: no such register on this part (UNDEFINED). */
const struct a64_sysreg *a64_sysreg_find(const struct a64_cpu *c, uint32_t enc);

/* Helpers: (value or 0, encoding, ISS of EC 0x18 for a trap). A trap leaves translated code. */
#define HELPER_TRAPS (IRE_FAULT | IRE_RGPR | IRE_RFLAGS | IRE_STATE | IRE_WSTATE)
#define HELPER_PLAIN (IRE_STATE | IRE_WSTATE)
#define A64_SYSREG_HELPERS(X)                                                                                        \
    X(wr_sctlr) X(wr_tcr) X(wr_ttbr0) X(wr_ttbr1) X(wr_mair) X(wr_cpacr) X(rd_ccsidr) X(rd_isr) X(wr_spsel)          \
    X(wr_mdscr) X(wr_oslar) X(rd_oslsr) X(wr_osdlr)                                                                  \
    X(wr_dbgreg) X(wr_claimset) X(wr_claimclr) X(rd_mdccsr)                                                            \
    X(wr_cntkctl) X(rd_cntfrq) X(rd_cntpct) X(rd_cntvct) X(rd_tval) X(wr_tval) X(rd_ctl) X(wr_ctl) X(rd_cval)         \
    X(wr_cval)                                                                                                       \
    X(rd_gic) X(wr_gic)
#define X(name) extern const struct ir_helper a64_sr_##name[2];  /* by EL */
A64_SYSREG_HELPERS(X)
#undef X

/* ---- cachemaint.c: helpers of SYS instructions ---- */
enum a64_tlbi { TLBI_ALL, TLBI_VA, TLBI_ASID, TLBI_VAA, TLBI_RVA, TLBI_RVAA };
#define TLBI_BROADCAST 0x100u
enum a64_at { AT_S1E1R, AT_S1E1W, AT_S1E0R, AT_S1E0W, AT_S1E1RP, AT_S1E1WP };
extern const struct ir_helper a64_hp_tlbi;        /* (operand, enum a64_tlbi | TLBI_BROADCAST) */
extern const struct ir_helper a64_hp_tlbi_done;   /* of a TRAPNZ at a DSB: TLBIs complete */
extern const struct ir_helper a64_hp_at;          /* (va, enum a64_at) */
extern const struct ir_helper a64_hp_dc;          /* (va, 1: IVAC, which needs write permission) */
extern const struct ir_helper a64_hp_ic_va;       /* (va) */
extern const struct ir_helper a64_hp_ic_all;

#endif
