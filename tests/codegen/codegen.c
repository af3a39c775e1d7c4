/*
 * codegen.c - host code of A64 snippets as text, the same on every machine: what tests/codegen/expected.txt is made of.
 *
 * usage: codegen < words (see tests/codegen/run). Input: lines "== NAME | assembly" and "words HEX...". Runs nothing of what it
 * generates, and the host's features are forced to x86-64-v3 (or v2), so that the text does not depend on the machine.
 */
#include <capstone/capstone.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/counter.h"
#include "guest/a64/state.h"
#include "guest/guest.h"
#include "host/host.h"
#include "host/x86_64/gen.h"
#include "opt/opt.h"

NORETURN void vcpu_unwind(struct vcpu *c) { abort(); }

#define AREA (1u << 20)
static struct a64_cpu *cpu;
static uint8_t *area, *at;
static struct ir_block block;
static csh cs;

static const char *thunk_name(const uint8_t *p)
{
    static char name[32];
    const struct { const uint8_t *p; const char *name; } plain[] = {
        {host_state.leave, "leave"}, {host_state.leave_null, "leave_null"}, {host_state.leave_va, "leave_va"},
        {host_state.eval_vec, "eval_vec"}, {host_state.eval_int, "eval_int"}, {host_state.mxcsr_merge, "mxcsr_merge"},
        {host_state.call[CALL_PURE][0], "call_pure"}, {host_state.call[CALL_READS][0], "call_reads"},
        {host_state.call[CALL_WRITES][0], "call_writes"}, {host_state.call[CALL_PURE][1], "call_pure_v"},
        {host_state.call[CALL_READS][1], "call_reads_v"}, {host_state.call[CALL_WRITES][1], "call_writes_v"},
    };
    for (unsigned n = 0; n < ARRAY_LEN(plain); n++)
        if (plain[n].p == p)
            return plain[n].name;
    for (unsigned k = 0; k <= STUB_CASP; k++)
        for (unsigned x = 0; x < 2; x++)
            if (host_state.mem[k][x] == p) {
                snprintf(name, sizeof(name), "mem%u%s", k, x ? "x" : "");
                return name;
            }
    for (unsigned v = 0; v < VIEW_COUNT; v++)
        if (host_state.region[v] == p)
            return "region";
    for (unsigned k = 0; k < 4; k++)
        if (host_state.root[k / 2][k & 1] == p) {
            snprintf(name, sizeof(name), "root%u%s", k / 2, k & 1 ? "_v" : "");
            return name;
        }
    return NULL;
}

/* The part of an operand behind `from` is replaced by what the address in it means. */
static void replace(char *op, const char *from, const char *to)
{
    char *p = strstr(op, from);
    if (!p)
        return;
    char tail[160];
    snprintf(tail, sizeof(tail), "%s", p + strlen(from));
    snprintf(p, 160 - (size_t)(p - op), "%s%s", to, tail);
}

static void show_insn(const cs_insn *in, const struct host_code *hc)
{
    const cs_x86 *x = &in->detail->x86;
    const uint8_t *entry = hc->entry;
    char op[160], old[40], new[64];
    snprintf(op, sizeof(op), "%s", in->op_str);
    for (unsigned k = 0; k < x->op_count; k++) {
        const cs_x86_op *o = &x->operands[k];
        if (o->type == X86_OP_IMM && (in->id == X86_INS_CALL || in->id == X86_INS_JMP || in->mnemonic[0] == 'j')) {
            const uint8_t *to = (const uint8_t *)(uintptr_t)o->imm;
            snprintf(old, sizeof(old), "0x%" PRIx64, o->imm);
            if (thunk_name(to))
                snprintf(new, sizeof(new), "%s", thunk_name(to));
            else if (to >= entry + hc->hot)
                snprintf(new, sizeof(new), "cold");
            else
                snprintf(new, sizeof(new), "+%#x", (unsigned)(to - entry));
            replace(op, old, new);
        } else if (o->type == X86_OP_MEM && o->mem.base == X86_REG_RIP) {
            const uint8_t *to = (const uint8_t *)(uintptr_t)in->address + in->size + o->mem.disp;
            char *b = strstr(op, "[rip"), *e = b ? strchr(b, ']') : NULL;
            if (!e)
                continue;
            if (to >= host_state.consts && to < host_state.consts + K_COUNT * 16)
                snprintf(new, sizeof(new), "[K%u", (unsigned)(to - host_state.consts) / 16);
            else
                snprintf(new, sizeof(new), "[tables");
            snprintf(old, sizeof(old), "%.*s", (int)(e - b), b);
            replace(op, old, new);
        } else if (o->type == X86_OP_IMM) {
            for (unsigned n = 0; n < block.n; n++)
                if ((block.insn[n].op == IR_CALL || block.insn[n].op == IR_ROOT || block.insn[n].op == IR_TRAPNZ) && (int64_t)(uintptr_t)block.insn[n].call->fn == o->imm) {
                    snprintf(old, sizeof(old), "0x%" PRIx64, o->imm);
                    replace(op, old, block.insn[n].call->name);
                    break;
                }
        }
    }
    printf("  %s%s%s\n", in->mnemonic, op[0] ? " " : "", op);
}

static struct counter counter;

/* Region accesses are predicted: the first slot, and the region that most programs use. */
static int predict(void *opaque, const struct ir_block *b, unsigned i, int64_t *region)
{
    *region = 0x155;
    return 1;
}

static void one(const char *name, enum access_kind kind, const struct translate_ctx *ctx)
{
    struct host_gen_opts o = {.kind = {kind, kind, kind}, .predict = predict, .loop = true};
    struct host_code hc;
    cs_insn *in;
    if (!host_generate(&block, &o, at, AREA / 2, &hc))
        die("codegen: no room");
    size_t n = cs_disasm(cs, hc.entry, hc.hot, (uint64_t)(uintptr_t)hc.entry, 0, &in);
    size_t cold = 0;
    cs_insn *rest = NULL;
    if (hc.text > hc.hot)
        cold = cs_disasm(cs, (const uint8_t *)hc.entry + hc.hot, hc.text - hc.hot, (uint64_t)(uintptr_t)hc.entry + hc.hot, 0, &rest);
    printf("-- %s: %zu instructions, %zu out of line\n", name, n, cold);
    for (size_t k = 0; k < n; k++)
        show_insn(&in[k], &hc);
    if (n)
        cs_free(in, n);
    if (cold)
        cs_free(rest, cold);
}

static void snippet(const uint32_t *word, unsigned n, bool v2, unsigned rounds)
{
    static uint8_t page[PAGE_SIZE];
    struct vcpu *c = &cpu->v;
    for (unsigned k = 0; k < n; k++)
        for (unsigned b = 0; b < 4; b++)
            page[0x100 + 4 * k + b] = (uint8_t)(word[k] >> 8 * b);
    struct translate_ctx ctx = {.page = page, .pc_off = 0x100, .max_insns = n * rounds, .max_sides = 4,
                                .max_jumps = IR_MAX_JUMPS, .max_rounds = rounds, .flags = a64_guest_ops.flags(c)};
    bool memory = false;
    a64_guest_ops.translate(&block, &ctx, c);
    opt_block(&block);
    for (unsigned k = 0; k < block.n; k++)
        memory |= (ir_op_info[block.insn[k].op].effects & (IRE_LOAD | IRE_STORE)) && block.insn[k].op != IR_FENCE;
    host_force_isa(v2 ? HOST_ISA_V2 : HOST_ISA_V3);
    if (!memory) {
        one(v2 ? "v2" : "any", ACCESS_REGION, &ctx);
        return;
    }
    one("region", ACCESS_REGION, &ctx);
    one("soft", ACCESS_SOFT, &ctx);
}

int main(int argc, char **argv)
{
    static char line[4096];
    uint32_t word[IR_MAX_GUEST];
    bool v2 = false, el1 = false, rounds = false;
    area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cpu = aligned_alloc(64, ALIGN_UP(sizeof(*cpu), (size_t)64));
    if (area == MAP_FAILED || !cpu || cs_open(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK)
        die("codegen: no memory");
    cs_option(cs, CS_OPT_DETAIL, CS_OPT_ON);
    memset(cpu, 0, sizeof(*cpu));
    a64_set_model(cpu, A64_MAX);
    a64_guest_ops.reset(&cpu->v);
    cpu->cpacr_el1 = 3u << 20;
    cpu->cntkctl_el1 = 2;
    cpu->v.counter = &counter;
    struct host_callbacks cb = {0};
    at = area + ALIGN_UP(host_init(area, AREA / 2, &cb), (size_t)4096);
    while (fgets(line, sizeof(line), stdin)) {
        if (strncmp(line, "words", 5)) {
            v2 = !strncmp(line, "== v2 ", 6);
            el1 = !strncmp(line, "== el1 ", 7);
            rounds = !strncmp(line, "== rounds ", 10);
            fputs(line, stdout);
            continue;
        }
        unsigned n = 0;
        fputs(line, stdout);
        for (char *p = strtok(line + 5, " \n"); p && n < ARRAY_LEN(word); p = strtok(NULL, " \n"))
            word[n++] = (uint32_t)strtoul(p, NULL, 16);
        cpu->el = el1;
        snippet(word, n, v2, rounds ? 4 : 1);
    }
    return 0;
}
