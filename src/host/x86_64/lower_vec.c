/*
 * lower_vec.c - native forms of vector integer operations and permutations.
 */
#include "host/x86_64/gen.h"

bool lower_vec(struct gen *g, const struct ir_insn *i) { return false; }
