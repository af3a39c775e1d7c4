/*
 * disas.c - host code as text, for -d out_asm and tests.
 */
#include <capstone/capstone.h>
#include <inttypes.h>

#include "host/host.h"

void host_disas(const void *code, size_t len, void (*out)(const char *fmt, ...))
{
    csh h;
    cs_insn *insn;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &h) != CS_ERR_OK)
        return;
    cs_option(h, CS_OPT_SKIPDATA, CS_OPT_ON);
    out("  host code at %p\n", code);
    size_t n = cs_disasm(h, code, len, (uint64_t)(uintptr_t)code, 0, &insn);
    for (size_t k = 0; k < n; k++)
        out("  %04" PRIx64 "  %-8s %s\n", insn[k].address - (uint64_t)(uintptr_t)code, insn[k].mnemonic, insn[k].op_str);
    if (n)
        cs_free(insn, n);
    cs_close(&h);
}
