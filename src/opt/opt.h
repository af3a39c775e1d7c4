/*
 * opt.h - passes over a finished IR block.
 *
 * Owns nothing at run time. Must not know any guest or host ISA.
 */
#ifndef GNOMON_OPT_OPT_H
#define GNOMON_OPT_OPT_H

#include "ir/ir.h"

/*
 * One backward pass: removes writes of guest registers and flags that nothing can see, and values that nobody uses.
 * What is removed becomes IR_NOP; indices do not move.
 */
void opt_block(struct ir_block *b);

#endif
