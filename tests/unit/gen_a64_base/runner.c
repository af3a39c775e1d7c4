/*
 * runner.c - runs short A64 instruction sequences from given states and prints what they leave. For an AArch64 Linux
 * (qemu-aarch64 will do); gen.py drives it.
 *
 * stdin: binary struct case_in, one after the other. stdout: binary struct case_out. The sequence is placed at CODE +
 * 0x100 in a page full of BRK, so that SIGTRAP shows the state wherever it went.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define CODE 0x20000000ul
#define BUF 0x10000000ul
#define PAGE 4096

struct case_in {
    uint32_t insn[4];                            /* BRK after the last */
    uint64_t x[31], sp;
    uint32_t nzcv, pad;
    uint8_t mem[512];                            /* at BUF + 1024 */
};
struct case_out {
    uint64_t x[31], sp, pc;
    uint32_t nzcv, sig;
    uint8_t mem[512];
};

static struct case_in in;
static struct case_out out;
static ucontext_t saved;
static enum { START, RUNNING } phase;

static void handler(int sig, siginfo_t *si, void *p)
{
    ucontext_t *u = p;
    if (phase == START) {
        saved = *u;
        phase = RUNNING;
        memcpy(u->uc_mcontext.regs, in.x, sizeof(in.x));
        u->uc_mcontext.sp = in.sp;
        u->uc_mcontext.pc = CODE + 0x100;
        u->uc_mcontext.pstate = in.nzcv;
        return;
    }
    memcpy(out.x, u->uc_mcontext.regs, sizeof(out.x));
    out.sp = u->uc_mcontext.sp;
    out.pc = u->uc_mcontext.pc;
    out.nzcv = (uint32_t)u->uc_mcontext.pstate & 0xf0000000u;
    out.sig = (uint32_t)sig;
    memcpy(u->uc_mcontext.regs, saved.uc_mcontext.regs, sizeof(in.x));
    u->uc_mcontext.sp = saved.uc_mcontext.sp;
    u->uc_mcontext.pc = saved.uc_mcontext.pc + 4;
    u->uc_mcontext.pstate = saved.uc_mcontext.pstate;
}

int main(void)
{
    static uint8_t stack[65536];
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    int sigs[] = {SIGTRAP, SIGILL, SIGSEGV, SIGBUS};

    sigaltstack(&ss, NULL);
    for (unsigned i = 0; i < 4; i++)
        sigaction(sigs[i], &sa, NULL);
    mmap((void *)BUF, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    uint32_t *code = mmap((void *)CODE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    while (fread(&in, sizeof(in), 1, stdin) == 1) {
        memset((void *)BUF, 0, PAGE);
        memcpy((void *)(BUF + 1024), in.mem, sizeof(in.mem));
        for (unsigned i = 0; i < PAGE / 4; i++)
            code[i] = 0xd4200000u;
        memcpy(code + 0x40, in.insn, sizeof(in.insn));
        __builtin___clear_cache((char *)code, (char *)code + PAGE);
        phase = START;
        __asm__ volatile("brk #0" ::: "memory");
        memcpy(out.mem, (void *)(BUF + 1024), sizeof(out.mem));
        fwrite(&out, sizeof(out), 1, stdout);
    }
    return 0;
}
