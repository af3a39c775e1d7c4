/*
 * fuzz_line.h - one line of the decode tables as the fuzzer knows it; included by the generated fuzz_table.h.
 */
#ifndef FUZZ_LINE_H
#define FUZZ_LINE_H

#include <stddef.h>
#include <stdint.h>

enum fz_rule { R_INT, R_VEC, R_FP, R_MEM, R_BRANCH, R_BRREG, R_HINT, R_SYSREG, R_MIX, R_ELSEWHERE };
enum fz_addr { A_BASE, A_I9, A_UI, A_REG, A_PAIR, A_LIT, A_POST };
#define FZ_FALLBACK 1u                           /* earlier lines of the same table win */
#define FZ_WB 2u                                 /* writeback forms: the base must not be a data register (unpredictable) */
#define FZ_LDPAIR 4u                             /* loads with rt = rt2 are unpredictable */
#define FZ_EXCL_ST 8u                            /* half of the cases have a matching load-exclusive before them */
#define FZ_EVEN 16u                              /* rs and rt must be even */
#define FZ_VWB 32u                               /* writeback with vector data: nothing to avoid */
#define FZ_TAME 64u                              /* never unaligned nor unmapped */
#define FZ_NOMIX 128u                            /* not in mixed blocks */
#define FZ_VEC 99                                /* fz_term.add: hi:size */

struct fz_part { uint8_t lo, len; };
struct fz_field { uint8_t id, sign, n; struct fz_part part[3]; };
struct fz_term { uint8_t field, add; };          /* value of the field + add */
struct fz_line {
    const char *name, *feat;                     /* feat: feature the line belongs to, or NULL */
    uint32_t mask, value;
    uint8_t file, rule, addr;
    struct fz_term scale, align;
    uint8_t flags, n;
    struct fz_field field[10];
};

#endif
