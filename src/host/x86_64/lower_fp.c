/*
 * lower_fp.c - native forms of floating-point operations.
 */
#include "host/x86_64/gen.h"

bool lower_fp(struct gen *g, const struct ir_insn *i) { return false; }
