/*
 * sysreg_table.h - the system registers, one a line, by group. Included by sysreg.c and the unit test only.
 *
 * X(NAME, op0, op1, CRn, CRm, op2, access, feature, read, write)
 *
 * read and write: F(field) a plain 64- or 32-bit field; M(field, mask) the same, writes keep only mask; B(field,
 * bit) a flag kept in a byte and seen at that bit; ID(member) a constant; Z zero; I ignored; C(helper) a call;
 * D(helper) a call after which mode flags may have changed; COUNT(helper) inline where a vCPU has a counter; NO not possible. Encodings: Arm ARM DDI 0487, D19.
 */

#define SYSREGS_ID(X)                                                                             \
    X(MIDR_EL1, 3, 0, 0, 0, 0, RO1, NULL, F(midr), NO)                                            \
    X(MPIDR_EL1, 3, 0, 0, 0, 5, RO1, NULL, F(mpidr), NO)                                          \
    X(REVIDR_EL1, 3, 0, 0, 0, 6, RO1, NULL, ID(revidr), NO)                                       \
    X(ID_AA64PFR0_EL1, 3, 0, 0, 4, 0, RO1, NULL, PFR0_WAY, NO)                                    \
    X(ID_AA64PFR1_EL1, 3, 0, 0, 4, 1, RO1, NULL, ID(aa64pfr1), NO)                                \
    X(ID_AA64DFR0_EL1, 3, 0, 0, 5, 0, RO1, NULL, ID(aa64dfr0), NO)                                \
    X(ID_AA64DFR1_EL1, 3, 0, 0, 5, 1, RO1, NULL, ID(aa64dfr1), NO)                                \
    X(ID_AA64ISAR0_EL1, 3, 0, 0, 6, 0, RO1, NULL, ID(aa64isar0), NO)                              \
    X(ID_AA64ISAR1_EL1, 3, 0, 0, 6, 1, RO1, NULL, ID(aa64isar1), NO)                              \
    X(ID_AA64ISAR2_EL1, 3, 0, 0, 6, 2, RO1, NULL, ID(aa64isar2), NO)                              \
    X(ID_AA64MMFR0_EL1, 3, 0, 0, 7, 0, RO1, NULL, ID(aa64mmfr0), NO)                              \
    X(ID_AA64MMFR1_EL1, 3, 0, 0, 7, 1, RO1, NULL, ID(aa64mmfr1), NO)                              \
    X(ID_AA64MMFR2_EL1, 3, 0, 0, 7, 2, RO1, NULL, ID(aa64mmfr2), NO)                              \
    X(CCSIDR_EL1, 3, 1, 0, 0, 0, RO1, NULL, C(rd_ccsidr), NO)                                     \
    X(CLIDR_EL1, 3, 1, 0, 0, 1, RO1, NULL, ID(clidr), NO)                                         \
    X(AIDR_EL1, 3, 1, 0, 0, 7, RO1, NULL, Z, NO)                                                  \
    X(CSSELR_EL1, 3, 2, 0, 0, 0, RW1, NULL, F(csselr_el1), M(csselr_el1, 0xf))                    \
    X(CTR_EL0, 3, 3, 0, 0, 1, RO0 | IF_UCT, NULL, ID(ctr), NO)                                    \
    X(DCZID_EL0, 3, 3, 0, 0, 7, RO0, NULL, ID(dczid), NO)

#define SYSREGS_CONTROL(X)                                                                        \
    X(SCTLR_EL1, 3, 0, 1, 0, 0, RW1, NULL, F(sctlr_el1), D(wr_sctlr))                             \
    X(ACTLR_EL1, 3, 0, 1, 0, 1, RW1, NULL, F(actlr_el1), F(actlr_el1))                            \
    X(CPACR_EL1, 3, 0, 1, 0, 2, RW1, NULL, F(cpacr_el1), D(wr_cpacr))                             \
    X(TTBR0_EL1, 3, 0, 2, 0, 0, RW1, NULL, F(v.roots.root[0]), ROOT(0, wr_ttbr0))                             \
    X(TTBR1_EL1, 3, 0, 2, 0, 1, RW1, NULL, F(v.roots.root[1]), ROOT(1, wr_ttbr1))                             \
    X(TCR_EL1, 3, 0, 2, 0, 2, RW1, NULL, F(tcr_el1), D(wr_tcr))                                   \
    X(AFSR0_EL1, 3, 0, 5, 1, 0, RW1, NULL, F(afsr0_el1), F(afsr0_el1))                            \
    X(AFSR1_EL1, 3, 0, 5, 1, 1, RW1, NULL, F(afsr1_el1), F(afsr1_el1))                            \
    X(ESR_EL1, 3, 0, 5, 2, 0, RW1, NULL, F(esr_el1), F(esr_el1))                                  \
    X(FAR_EL1, 3, 0, 6, 0, 0, RW1, NULL, F(far_el1), F(far_el1))                                  \
    X(PAR_EL1, 3, 0, 7, 4, 0, RW1, NULL, F(par_el1), F(par_el1))                                  \
    X(MAIR_EL1, 3, 0, 10, 2, 0, RW1, NULL, F(mair_el1), D(wr_mair))                               \
    X(AMAIR_EL1, 3, 0, 10, 3, 0, RW1, NULL, F(amair_el1), F(amair_el1))                           \
    X(VBAR_EL1, 3, 0, 12, 0, 0, RW1, NULL, F(vbar_el1), M(vbar_el1, ~0x7ffull))                   \
    X(RVBAR_EL1, 3, 0, 12, 0, 1, RO1, NULL, F(rvbar), NO)                                         \
    X(ISR_EL1, 3, 0, 12, 1, 0, RO1, NULL, C(rd_isr), NO)                                          \
    X(CONTEXTIDR_EL1, 3, 0, 13, 0, 1, RW1, NULL, F(contextidr_el1), M(contextidr_el1, 0xffffffff)) \
    X(TPIDR_EL1, 3, 0, 13, 0, 4, RW1, NULL, F(tpidr_el1), F(tpidr_el1))                           \
    X(TPIDR_EL0, 3, 3, 13, 0, 2, RW0, NULL, F(tpidr_el0), F(tpidr_el0))                           \
    X(TPIDRRO_EL0, 3, 3, 13, 0, 3, R0W1, NULL, F(tpidrro_el0), F(tpidrro_el0))

/* PSTATE fields and what belongs to exceptions and FP status. */
#define SYSREGS_PSTATE(X)                                                                         \
    X(SPSR_EL1, 3, 0, 4, 0, 0, RW1, NULL, F(spsr_el1), M(spsr_el1, 0xffffffff))                   \
    X(ELR_EL1, 3, 0, 4, 0, 1, RW1, NULL, F(elr_el1), F(elr_el1))                                  \
    X(SP_EL0, 3, 0, 4, 1, 0, RW1 | IF_SP0, NULL, F(sp_other[0]), F(sp_other[0]))                  \
    X(SPSel, 3, 0, 4, 2, 0, RW1, NULL, B(spsel, 0), D(wr_spsel))                                  \
    X(CurrentEL, 3, 0, 4, 2, 2, RO1, NULL, CURRENTEL, NO)                                         \
    X(PAN, 3, 0, 4, 2, 3, RW1, a64_has_pan, B(pan, 22), SD(pan, 22))                              \
    X(UAO, 3, 0, 4, 2, 4, RW1, a64_has_uao, B(uao, 23), SD(uao, 23))                              \
    X(NZCV, 3, 3, 4, 2, 0, RW0, NULL, NZCV_WAY, NZCV_WAY)                                         \
    X(DAIF, 3, 3, 4, 2, 1, RW0 | IF_UMA, NULL, F(daif), DAIF_WAY)                                 \
    X(DIT, 3, 3, 4, 2, 5, RW0, a64_has_dit, B(dit, 24), SB(dit, 24))                              \
    X(SSBS, 3, 3, 4, 2, 6, RW0, a64_has_ssbs, B(ssbs, 12), SB(ssbs, 12))                          \
    X(FPCR, 3, 3, 4, 4, 0, RW0 | IF_FP, NULL, F(fpcr), FPCR_WAY)                                  \
    X(FPSR, 3, 3, 4, 4, 1, RW0 | IF_FP, NULL, FPSR_WAY, FPSR_WAY)

#define SYSREGS_TIMER(X)                                                                          \
    X(CNTKCTL_EL1, 3, 0, 14, 1, 0, RW1, NULL, F(cntkctl_el1), D(wr_cntkctl))                      \
    X(CNTFRQ_EL0, 3, 3, 14, 0, 0, R0W1, NULL, C(rd_cntfrq), F(cntfrq))                            \
    X(CNTPCT_EL0, 3, 3, 14, 0, 1, RO0, NULL, COUNT(rd_cntpct), NO)                                \
    X(CNTVCT_EL0, 3, 3, 14, 0, 2, RO0, NULL, COUNT(rd_cntvct), NO)                                \
    X(CNTP_TVAL_EL0, 3, 3, 14, 2, 0, RW0, NULL, C(rd_tval), C(wr_tval))                           \
    X(CNTP_CTL_EL0, 3, 3, 14, 2, 1, RW0, NULL, C(rd_ctl), C(wr_ctl))                              \
    X(CNTP_CVAL_EL0, 3, 3, 14, 2, 2, RW0, NULL, C(rd_cval), C(wr_cval))                           \
    X(CNTV_TVAL_EL0, 3, 3, 14, 3, 0, RW0, NULL, C(rd_tval), C(wr_tval))                           \
    X(CNTV_CTL_EL0, 3, 3, 14, 3, 1, RW0, NULL, C(rd_ctl), C(wr_ctl))                              \
    X(CNTV_CVAL_EL0, 3, 3, 14, 3, 2, RW0, NULL, C(rd_cval), C(wr_cval))

/* The GICv3 CPU interface; UNDEFINED unless the board connected one. */
#define SYSREGS_GIC(X)                                                                            \
    X(ICC_PMR_EL1, 3, 0, 4, 6, 0, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                       \
    X(ICC_IAR0_EL1, 3, 0, 12, 8, 0, RO1 | IF_GIC, NULL, C(rd_gic), NO)                            \
    X(ICC_EOIR0_EL1, 3, 0, 12, 8, 1, WO1 | IF_GIC, NULL, NO, C(wr_gic))                           \
    X(ICC_HPPIR0_EL1, 3, 0, 12, 8, 2, RO1 | IF_GIC, NULL, C(rd_gic), NO)                          \
    X(ICC_BPR0_EL1, 3, 0, 12, 8, 3, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                     \
    X(ICC_AP0R0_EL1, 3, 0, 12, 8, 4, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                    \
    X(ICC_AP0R1_EL1, 3, 0, 12, 8, 5, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                    \
    X(ICC_AP0R2_EL1, 3, 0, 12, 8, 6, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                    \
    X(ICC_AP0R3_EL1, 3, 0, 12, 8, 7, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                    \
    X(ICC_AP1R0_EL1, 3, 0, 12, 9, 0, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                    \
    X(ICC_AP1R1_EL1, 3, 0, 12, 9, 1, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                    \
    X(ICC_AP1R2_EL1, 3, 0, 12, 9, 2, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                    \
    X(ICC_AP1R3_EL1, 3, 0, 12, 9, 3, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                    \
    X(ICC_DIR_EL1, 3, 0, 12, 11, 1, WO1 | IF_GIC, NULL, NO, C(wr_gic))                            \
    X(ICC_RPR_EL1, 3, 0, 12, 11, 3, RO1 | IF_GIC, NULL, C(rd_gic), NO)                            \
    X(ICC_SGI1R_EL1, 3, 0, 12, 11, 5, WO1 | IF_GIC, NULL, NO, C(wr_gic))                          \
    X(ICC_ASGI1R_EL1, 3, 0, 12, 11, 6, WO1 | IF_GIC, NULL, NO, C(wr_gic))                         \
    X(ICC_SGI0R_EL1, 3, 0, 12, 11, 7, WO1 | IF_GIC, NULL, NO, C(wr_gic))                          \
    X(ICC_IAR1_EL1, 3, 0, 12, 12, 0, RO1 | IF_GIC, NULL, C(rd_gic), NO)                           \
    X(ICC_EOIR1_EL1, 3, 0, 12, 12, 1, WO1 | IF_GIC, NULL, NO, C(wr_gic))                          \
    X(ICC_HPPIR1_EL1, 3, 0, 12, 12, 2, RO1 | IF_GIC, NULL, C(rd_gic), NO)                         \
    X(ICC_BPR1_EL1, 3, 0, 12, 12, 3, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                    \
    X(ICC_CTLR_EL1, 3, 0, 12, 12, 4, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                    \
    X(ICC_SRE_EL1, 3, 0, 12, 12, 5, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                     \
    X(ICC_IGRPEN0_EL1, 3, 0, 12, 12, 6, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))                 \
    X(ICC_IGRPEN1_EL1, 3, 0, 12, 12, 7, RW1 | IF_GIC, NULL, C(rd_gic), C(wr_gic))

/* Self-hosted debug. */
#define SYSREGS_BP(X, n)                                                                          \
    X(DBGBVR##n##_EL1, 2, 0, 0, n, 4, RW1, NULL, F(dbgbvr[n]), D(wr_dbgreg))                      \
    X(DBGBCR##n##_EL1, 2, 0, 0, n, 5, RW1, NULL, F(dbgbcr[n]), D(wr_dbgreg))
#define SYSREGS_WP(X, n)                                                                          \
    X(DBGWVR##n##_EL1, 2, 0, 0, n, 6, RW1, NULL, F(dbgwvr[n]), D(wr_dbgreg))                      \
    X(DBGWCR##n##_EL1, 2, 0, 0, n, 7, RW1, NULL, F(dbgwcr[n]), D(wr_dbgreg))
#define SYSREGS_DEBUG(X)                                                                          \
    SYSREGS_BP(X, 0) SYSREGS_BP(X, 1) SYSREGS_BP(X, 2) SYSREGS_BP(X, 3) SYSREGS_BP(X, 4) SYSREGS_BP(X, 5) \
    SYSREGS_WP(X, 0) SYSREGS_WP(X, 1) SYSREGS_WP(X, 2) SYSREGS_WP(X, 3)                           \
    X(OSDTRRX_EL1, 2, 0, 0, 0, 2, RW1, NULL, Z, I)                                                \
    X(MDCCINT_EL1, 2, 0, 0, 2, 0, RW1, NULL, F(mdccint_el1), F(mdccint_el1))                      \
    X(MDSCR_EL1, 2, 0, 0, 2, 2, RW1, NULL, F(mdscr_el1), D(wr_mdscr))                             \
    X(OSDTRTX_EL1, 2, 0, 0, 3, 2, RW1, NULL, Z, I)                                                \
    X(OSECCR_EL1, 2, 0, 0, 6, 2, RW1, NULL, F(oseccr_el1), F(oseccr_el1))                         \
    X(MDRAR_EL1, 2, 0, 1, 0, 0, RO1, NULL, Z, NO)                                                 \
    X(OSLAR_EL1, 2, 0, 1, 0, 4, WO1, NULL, NO, D(wr_oslar))                                       \
    X(OSLSR_EL1, 2, 0, 1, 1, 4, RO1, NULL, C(rd_oslsr), NO)                                       \
    X(OSDLR_EL1, 2, 0, 1, 3, 4, RW1, NULL, F(osdlr_el1), D(wr_osdlr))                             \
    X(DBGPRCR_EL1, 2, 0, 1, 4, 4, RW1, NULL, F(dbgprcr_el1), M(dbgprcr_el1, 1))                   \
    X(DBGCLAIMSET_EL1, 2, 0, 7, 8, 6, RW1, NULL, CLAIM_ALL, C(wr_claimset))                       \
    X(DBGCLAIMCLR_EL1, 2, 0, 7, 9, 6, RW1, NULL, F(dbgclaim), C(wr_claimclr))                     \
    X(DBGAUTHSTATUS_EL1, 2, 0, 7, 14, 6, RO1, NULL, Z, NO)                                        \
    X(MDCCSR_EL0, 2, 3, 0, 1, 0, RO0, NULL, C(rd_mdccsr), NO)

#define A64_SYSREGS(X) \
    SYSREGS_ID(X) SYSREGS_CONTROL(X) SYSREGS_PSTATE(X) SYSREGS_TIMER(X) SYSREGS_GIC(X) SYSREGS_DEBUG(X)
