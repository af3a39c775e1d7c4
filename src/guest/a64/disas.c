/*
 * disas.c - A64 disassembly for -d in_asm, by Capstone.
 *
 * Owns one Capstone handle a thread. Must not be needed for correctness: without Capstone's help the word is printed.
 */
#include <capstone/capstone.h>
#include <stdio.h>
#include <string.h>

#include "guest/a64/state.h"

unsigned a64_disas(const uint8_t *code, uint64_t pc, char *buf, size_t len)
{
    static _Thread_local csh handle;              /* opened at first use; lives as long as the thread */
    cs_insn *insn = NULL;
    if ((handle || cs_open(CS_ARCH_ARM64, CS_MODE_ARM, &handle) == CS_ERR_OK) &&
        cs_disasm(handle, code, 4, pc, 1, &insn) == 1) {
        snprintf(buf, len, "%s %s", insn->mnemonic, insn->op_str);
        cs_free(insn, 1);
    } else {
        uint32_t word;
        memcpy(&word, code, 4);
        snprintf(buf, len, ".inst %#010x", word);
    }
    return 4;
}
