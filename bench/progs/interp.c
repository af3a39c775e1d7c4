/*
 * interp.c - benchmark: an interpreter of a small stack machine running a nested loop. Indirect branches by table.
 */
#include <stdint.h>
#include <stdio.h>

enum { PUSH, ADD, SUB, MUL, XOR, SHR, DUP, SWAP, LOAD, STORE, LESS, JNZ, JMP, CALL, RET, HALT };

static const int32_t program[] = {
    /*  0 */ PUSH, 0, STORE, 0,                  /* i = 0 */
    /*  4 */ PUSH, 1, STORE, 1,                  /* x = 1 */
    /*  8 */ LOAD, 1, CALL, 36, STORE, 1,        /* do { x = f(x) */
    /* 14 */ LOAD, 1, LOAD, 0, XOR, STORE, 1,    /* x ^= i */
    /* 21 */ LOAD, 0, PUSH, 1, ADD, STORE, 0,    /* i++ */
    /* 28 */ LOAD, 0, PUSH, 3000000, LESS, JNZ, 8, /* } while (i < n) */
    /* 35 */ HALT,
    /* 36 */ PUSH, 1103515245, MUL, PUSH, 12345, ADD, DUP, PUSH, 16, SHR, XOR, RET,
};

static uint32_t run(uint64_t *steps)
{
    uint32_t stack[256], mem[4] = { 0 }, *sp = stack;
    uint32_t calls[16];
    int depth = 0;
    uint64_t n = 0;
    const int32_t *pc = program;
    for (;;) {
        n++;
        switch (*pc++) {
        case PUSH: *sp++ = (uint32_t)*pc++; break;
        case ADD: sp--; sp[-1] += sp[0]; break;
        case SUB: sp--; sp[-1] -= sp[0]; break;
        case MUL: sp--; sp[-1] *= sp[0]; break;
        case XOR: sp--; sp[-1] ^= sp[0]; break;
        case SHR: sp--; sp[-1] >>= sp[0] & 31; break;
        case DUP: sp[0] = sp[-1]; sp++; break;
        case SWAP: { uint32_t t = sp[-1]; sp[-1] = sp[-2]; sp[-2] = t; break; }
        case LOAD: *sp++ = mem[*pc++]; break;
        case STORE: mem[*pc++] = *--sp; break;
        case LESS: sp--; sp[-1] = sp[-1] < sp[0]; break;
        case JNZ: if (*--sp) pc = program + *pc; else pc++; break;
        case JMP: pc = program + *pc; break;
        case CALL: calls[depth++] = (uint32_t)(pc + 1 - program); pc = program + *pc; break;
        case RET: pc = program + calls[--depth]; break;
        case HALT: *steps = n; return mem[1];
        }
    }
}

int main(void)
{
    uint64_t steps;
    uint32_t x = run(&steps);
    printf("%08x after %lu steps\n", x, (unsigned long)steps);
    return 0;
}
