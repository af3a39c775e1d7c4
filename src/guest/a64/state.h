/*
 * state.h - AArch64 vCPU state: system registers, exception state, the links to timer, GIC and PSCI.
 *
 * Owned by src/guest/a64. Generated code reaches fields here by LDSTATE/STSTATE with offsetof().
 */
#ifndef GNOMON_GUEST_A64_STATE_H
#define GNOMON_GUEST_A64_STATE_H

#include "guest/guest.h"

/* Which real part -cpu names. */
enum a64_model { A64_CORTEX_A53, A64_CORTEX_A57, A64_CORTEX_A72, A64_MAX, A64_MODELS };

/* ICC_* system registers and the generic timer live in chips; the board connects them. Machine lock not held. */
struct a64_gic_ops {
    uint64_t (*read)(void *opaque, unsigned cpu, uint32_t sysreg);       /* sysreg: A64_SYSREG() */
    void (*write)(void *opaque, unsigned cpu, uint32_t sysreg, uint64_t v);
};
struct a64_timer_ops {                            /* generic timer, EL0 virtual and physical */
    uint64_t (*count)(void *opaque);              /* CNTVCT = CNTPCT, ticks of CNTFRQ */
    /* which: 0 physical, 1 virtual */
    void (*changed)(void *opaque, unsigned cpu, unsigned which, uint64_t cval, uint32_t ctl);
};
/* PSCI or other firmware call (HVC/SMC as the board says); x0..x3 to x0. false: not this conduit, UNDEFINED. */
struct a64_smccc_ops {
    bool (*call)(void *opaque, struct vcpu *c, bool smc);
};

/*
 * What the guest asks of the machine around it; set before the vCPU runs (the guest includes no mmu, xlate or exec
 * header). All but mode_changed must be there; all are called on the vCPU's own thread, machine lock not held.
 * Interrupt lines are in vcpu.lines.
 */
struct a64_host_ops {
    void (*switch_space)(struct vcpu *c);         /* translation controls changed: bases follow */
    void (*switch_root)(struct vcpu *c, unsigned half);   /* the same where nothing but v.roots.root[half] was written */
    /* An exception or its return set a new mode and pc (roots are as before): the jump cache's key follows. */
    void (*mode_changed)(struct vcpu *c);
    void (*tlbi_all)(struct vcpu *c);
    void (*tlbi_asid)(struct vcpu *c, uint16_t asid);
    void (*tlbi_range)(struct vcpu *c, uint64_t va, uint64_t size, int asid /* -1: any */, bool broadcast);
    /* Before a DSB completes with v.tlbi_pending set: what the above named is gone. The vCPU leaves translated code behind it. */
    void (*tlbi_complete)(struct vcpu *c);
    enum walk_status (*probe)(struct vcpu *c, uint64_t va, enum access acc, enum view view, struct walk *out);
    void (*icache_inval)(struct vcpu *c, uint64_t gpa, uint64_t len);
    void (*icache_inval_all)(struct vcpu *c);
    /* Breakpoint registers changed; n ranges are watched from now on (none of another vCPU's change). */
    void (*debug_changed)(struct vcpu *c, const struct watch_range *r, unsigned n);
    void (*wait)(struct vcpu *c);                 /* WFI: the block ends behind it, then the vCPU sleeps until there is work */
    void (*wait_event)(struct vcpu *c);           /* WFE, likewise; ends when it likes */
    void (*send_event)(struct vcpu *c, bool all); /* SEV; SEVL */
    void (*yield)(struct vcpu *c);                /* YIELD */
    uint64_t (*read_gpa64)(uint64_t gpa, bool *ok);   /* a translation table entry; !ok: nothing there */
};
#define A64_LINE_IRQ 0u                           /* bits of vcpu.lines; the values of enum vcpu_line */
#define A64_LINE_FIQ 1u

#define A64_SYSREG(op0, op1, crn, crm, op2) ((uint32_t)((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2)))

/* One half's translation regime, taken apart for the walker (walk.c); derived from TCR, SCTLR and MAIR. */
struct a64_regime {
    uint64_t config;                              /* space_id.config */
    uint64_t out_mask;                            /* output addresses */
    uint64_t root_mask;                           /* what of a TTBR is the root table's address */
    uint8_t tsz, granule, stride;                 /* granule: log2; stride: address bits a level resolves */
    uint8_t level, shift;                         /* of the first table: level, log2 of what an entry spans */
    uint8_t device;                               /* MAIR attributes that are Device, a bit each */
    bool on, tbi;
};

struct a64_cpu {
    struct vcpu v;                                /* first */

    /* PSTATE outside NZCV */
    uint8_t el;                                   /* 0 or 1 */
    uint8_t spsel;
    uint8_t pan, uao, dit, ssbs, il, ss;
    uint32_t daif;                                /* bits 9:6, as in SPSR */
    uint64_t sp_other[2];                         /* SP_EL0, SP_EL1: the one not in v.r[31] is valid */
    uint8_t sp_in_use;                            /* which of them v.r[31] holds; a64_mode_changed() keeps it */
    /* Software step: the instruction being executed is stepped; it was a load-exclusive. */
    uint8_t stepping, step_ex;

    uint64_t elr_el1, spsr_el1, esr_el1, far_el1, vbar_el1, par_el1;
    uint64_t sctlr_el1, actlr_el1, cpacr_el1, tcr_el1, mair_el1, amair_el1;
    uint64_t contextidr_el1, tpidr_el0, tpidrro_el0, tpidr_el1, csselr_el1, mdscr_el1, cntkctl_el1;
    uint64_t afsr0_el1, afsr1_el1, oslar_el1, osdlr_el1, pmcr_el0;
    uint64_t mdccint_el1, oseccr_el1, dbgclaim, dbgprcr_el1;
    uint64_t dbgbvr[16], dbgbcr[16], dbgwvr[16], dbgwcr[16];
    uint16_t break_on, watch_on;                  /* DBGBCR and DBGWCR with E set, a bit each (debug.c) */
    uint64_t pmu[8];                              /* spare: there is no PMU */
    uint64_t cntfrq, cntp_cval, cntv_cval, cntvoff;
    uint32_t cntp_ctl, cntv_ctl;
    uint32_t fpcr, fpcr_next;                     /* as FPCR reads, made by a64_write_fpcr(); what an MSR is about to write */

    /* identity */
    enum a64_model model;
    uint64_t midr, mpidr;
    const struct a64_idregs *id;
    uint64_t rvbar;
    const struct a64_host_ops *host;

    /* Guest RAM for the walker; with ram_size = 0 every table is read through host->read_gpa64. */
    const uint8_t *ram_view;
    uint64_t ram_base, ram_size;

    /* What a64_decode_regimes() made, and of what. */
    struct a64_regime regime[2];
    uint64_t regime_tcr, regime_mair, regime_sctlr;
    const struct a64_idregs *regime_id;

    /* links */
    const struct a64_gic_ops *gic; void *gic_opaque;
    const struct a64_timer_ops *timer; void *timer_opaque;
    const struct a64_smccc_ops *smccc; void *smccc_opaque;
};
_Static_assert(offsetof(struct a64_cpu, v) == 0, "struct vcpu must be first");

static inline struct a64_cpu *a64(struct vcpu *c) { return (struct a64_cpu *)c; }
static inline const struct a64_cpu *a64c(const struct vcpu *c) { return (const struct a64_cpu *)c; }

static inline bool a64_line(const struct a64_cpu *c, unsigned line)
{
    return __atomic_load_n(&c->v.lines, __ATOMIC_ACQUIRE) >> line & 1;
}

/* Mode flags (guest_ops.flags): what a translation depends on besides the bytes. */
#define A64F_EL1 0x0001u                          /* EL1, else EL0 */
#define A64F_PAN 0x0002u
#define A64F_UAO 0x0004u
#define A64F_FPEN 0x0008u                         /* FP/SIMD does not trap at this EL */
#define A64F_FPSPECIAL 0x0010u                    /* FPCR has FZ, DN, AHP or FZ16: helpers do all FP arithmetic */
#define A64F_MMU 0x0020u                          /* SCTLR_EL1.M */
#define A64F_ALIGN 0x0040u                        /* SCTLR_EL1.A */
#define A64F_SA 0x0080u                           /* SP alignment check at this EL */
#define A64F_UCI 0x0100u                          /* EL0: SCTLR_EL1.UCI */
#define A64F_UCT 0x0200u
#define A64F_DZE 0x0400u
#define A64F_UMA 0x0800u
#define A64F_NTW 0x1000u                          /* EL0: WFI/WFE are not trapped: bits nTWI and nTWE both set */
#define A64F_SPSEL 0x2000u
#define A64F_SS 0x4000u                           /* software step active */
#define A64F_IL 0x8000u                           /* PSTATE.IL: every instruction raises Illegal Execution state */
#define A64F_BREAK 0x10000u                       /* a hardware breakpoint may match in the pc's page */
#define A64F_TRACE 0x20000u                       /* exceptions are logged */
#define A64F_VCT 0x40000u                         /* EL0: CNTKCTL_EL1.EL0VCTEN */
/* bits 24.. belong to src/xlate (access kind) */

extern const struct guest_ops a64_guest_ops;
void a64_set_model(struct a64_cpu *c, enum a64_model m);

/* ---- idregs.c: what the parts say about themselves ---- */
struct a64_idregs {
    const char *name;
    uint64_t midr, revidr;
    uint64_t aa64pfr0, aa64pfr1, aa64dfr0, aa64dfr1, aa64isar0, aa64isar1, aa64isar2, aa64mmfr0, aa64mmfr1, aa64mmfr2;
    uint64_t ctr, dczid, clidr, ccsidr[3];        /* L1 data, L1 instruction, L2 */
    uint64_t sctlr_reset;
};
extern const struct a64_idregs a64_idregs[A64_MODELS];

/* ---- walk.c ---- */
/* What a walk finds besides struct walk: for PAR_EL1. */
struct a64_walk_attrs {
    uint8_t mair;                                 /* the MAIR_EL1 byte */
    uint8_t sh;
};
/* guest_ops.walk, and the same with attributes. Stage 1 of the EL1&0 regime (Arm ARM DDI 0487, D8.2). */
enum walk_status a64_walk(struct vcpu *c, uint64_t va, enum access acc, enum view view, struct walk *out);
enum walk_status a64_walk_attrs(struct vcpu *c, uint64_t va, enum access acc, enum view view, struct walk *out,
                                struct a64_walk_attrs *attrs);
/* guest_ops.walk_space. */
enum walk_status a64_walk_space(struct vcpu *c, const struct space_id *id, unsigned half, uint64_t va, enum access acc,
                                enum view view, struct walk *out);
struct space_id a64_space(const struct vcpu *c, unsigned half);
/* Refresh the decoded regimes after a change of TCR, SCTLR or MAIR; walks are right without, but slower. */
void a64_decode_regimes(struct a64_cpu *c);
bool a64_canonical(const struct vcpu *c, uint64_t *va);
/* log2 of the translation granule of half h (0 low, 1 high): 12, 14 or 16. */
unsigned a64_granule_shift(const struct a64_cpu *c, unsigned half);
/* The address that a branch to va puts into PC (tags removed where TBI says so). */
uint64_t a64_branch_addr(const struct a64_cpu *c, unsigned el, uint64_t va);

/* ---- exception.c ---- */
/* Exception classes (ESR_ELx.EC). */
#define EC_UNKNOWN 0x00u
#define EC_WFX 0x01u
#define EC_FP 0x07u
#define EC_ILLEGAL 0x0eu
#define EC_SVC 0x15u
#define EC_HVC 0x16u
#define EC_SMC 0x17u
#define EC_SYSREG 0x18u
#define EC_IABORT_LOW 0x20u
#define EC_IABORT 0x21u
#define EC_PCALIGN 0x22u
#define EC_DABORT_LOW 0x24u
#define EC_DABORT 0x25u
#define EC_SPALIGN 0x26u
#define EC_FPEXC 0x2cu
#define EC_SERROR 0x2fu
#define EC_BREAK_LOW 0x30u
#define EC_STEP_LOW 0x32u
#define EC_WATCH_LOW 0x34u
#define EC_BRK 0x3cu

enum a64_vector { VEC_SYNC = 0x000, VEC_IRQ = 0x080, VEC_FIQ = 0x100, VEC_SERROR = 0x180 };
/* Enter EL1: saves PSTATE and RETURN_PC, masks, sets pc. ESR/FAR are the caller's business. */
void a64_take_exception(struct a64_cpu *c, enum a64_vector vec, uint64_t return_pc);
/* A synchronous exception at the current instruction (vcpu_pc): sets ESR_EL1, enters, does not unwind. */
void a64_raise(struct a64_cpu *c, uint32_t ec, uint32_t iss, uint64_t return_pc);
/* The rules of mode change: recompute v.r[31], jc_ctx, views after el/spsel/pan or translation registers changed. */
void a64_mode_changed(struct a64_cpu *c);
uint32_t a64_pstate(const struct a64_cpu *c);     /* SPSR form, NZCV included */
/* true: PSTATE.DAIF leaves the line unmasked and it is high. */
bool a64_irq_pending(const struct a64_cpu *c);
/* Fault status to ESR/FAR and entry; cm: from cache maintenance. */
void a64_raise_data(struct a64_cpu *c, uint64_t va, unsigned fault, bool write, bool cm);
void a64_raise_mem(struct vcpu *c, const struct mem_fault *f);
/* ERET: PSTATE from SPSR_EL1, pc from ELR_EL1; Illegal Exception Return sets PSTATE.IL. */
void a64_eret(struct a64_cpu *c);
void a64_poll_irq(struct vcpu *c);
/* Debug exceptions are enabled at the current EL (OS locks, MDSCR_EL1.KDE, PSTATE.D). */
bool a64_debug_enabled(const struct a64_cpu *c);
/* Software step is enabled at the current EL (whatever PSTATE.SS). */
bool a64_step_enabled(const struct a64_cpu *c);
/* Before a stepped instruction: false, and the Software Step exception is taken, if it is pending (PSTATE.SS = 0). */
bool a64_step_begin(struct a64_cpu *c, bool load_exclusive);
/* An asynchronous interrupt line was unmasked perhaps: make the run loop look. */
void a64_unmasked(struct a64_cpu *c);

/* ---- debug.c ---- */
/* A breakpoint may match an instruction of the page that pc lies in. */
bool a64_break_in_page(const struct a64_cpu *c);
/* guest_ops.watch. */
bool a64_watch(const struct vcpu *c, uint64_t va, unsigned len, bool write, enum view view, uint64_t *hit);
/* Breakpoint or watchpoint registers changed (or reset): the masks and the host follow. */
void a64_debug_changed(struct a64_cpu *c);
extern const struct ir_helper a64_hp_break;      /* before each instruction under A64F_BREAK */

/* ---- gdbregs.c ---- */
extern const struct guest_debug a64_guest_debug;

/* ---- a64.c ---- */
/* v.tbi and whatever else derives from TCR and SCTLR; then host->switch_space. */
void a64_regime_changed(struct a64_cpu *c);
unsigned a64_disas(const uint8_t *code, uint64_t pc, char *buf, size_t len);

#endif
