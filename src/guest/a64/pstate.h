/*
 * pstate.h - PSTATE as SPSR_EL1 holds it, and the control bits that exceptions look at: what exception.c and its translated forms share.
 *
 * Owns names only. Source: Arm ARM DDI 0487, C5.2.19 (SPSR_EL1), D19.2 (SCTLR_EL1, MDSCR_EL1, ESR_EL1).
 */
#ifndef GNOMON_GUEST_A64_PSTATE_H
#define GNOMON_GUEST_A64_PSTATE_H

#define SPSR_DAIF 0x3c0u
#define SPSR_SSBS_SHIFT 12
#define SPSR_IL (1u << 20)
#define SPSR_SS (1u << 21)
#define SPSR_PAN_SHIFT 22
#define SPSR_UAO_SHIFT 23
#define SPSR_DIT_SHIFT 24
#define SPSR_SSBS (1u << SPSR_SSBS_SHIFT)
#define SPSR_PAN (1u << SPSR_PAN_SHIFT)
#define SPSR_UAO (1u << SPSR_UAO_SHIFT)
#define SPSR_DIT (1u << SPSR_DIT_SHIFT)

#define SCTLR_SPAN (1ull << 23)
#define SCTLR_DSSBS_SHIFT 44
#define SCTLR_DSSBS (1ull << SCTLR_DSSBS_SHIFT)
#define MDSCR_SS (1ull << 0)

#define ESR_IL (1u << 25)

#define VEC_FROM_EL0 0x400u                       /* added to the vector's offset (AArch64) */

#endif
