/*
 * codegen.c - benchmark: freshly written code, as a just-in-time compiler makes it: many small functions are written, announced
 * and called a few times each, in pages that are used again and again. Made for the processor it is compiled for.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FUNCTIONS 64
#define SPACE 256

/* f(x) = ((x + c0) * 3) + c1 ... a few steps with constants of its own; returns its length. */
static size_t write_function(uint8_t *p, uint32_t c)
{
    uint8_t *begin = p;
    for (int i = 0; i < 8; i++) {
        uint32_t k = (c >> i & 0x7ff) + 1;
#if defined(__aarch64__)
        uint32_t code[2] = { 0x11000000 | k << 10, 0x0b000400 };    /* add w0, w0, #k; add w0, w0, w0, lsl #1 */
        memcpy(p, code, 8);
        p += 8;
#elif defined(__x86_64__)
        uint8_t code[8] = { 0x05, (uint8_t)k, (uint8_t)(k >> 8), 0, 0, 0x8d, 0x04, 0x40 };  /* add eax, k; lea eax, [rax+rax*2] */
        memcpy(p, code, 8);
        p += 8;
#else
#error no code for this processor
#endif
    }
#if defined(__aarch64__)
    uint32_t ret = 0xd65f03c0;
    memcpy(p, &ret, 4);
    p += 4;
#else
    memmove(begin + 2, begin, (size_t)(p - begin));
    memcpy(begin, "\x89\xf8", 2);               /* mov eax, edi */
    p += 2;
    *p++ = 0xc3;
#endif
    return (size_t)(p - begin);
}

int main(void)
{
    uint8_t *area = mmap(NULL, FUNCTIONS * SPACE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        return 1;
    uint32_t x = 1, seed = 1;
    for (int round = 0; round < 500; round++) {
        for (int f = 0; f < FUNCTIONS; f++) {
            seed = seed * 1664525 + 1013904223;
            uint8_t *p = area + f * SPACE;
            size_t size = write_function(p, seed >> 8);
            __builtin___clear_cache((char *)p, (char *)p + size);
        }
        for (int again = 0; again < 20; again++)
            for (int f = 0; f < FUNCTIONS; f++) {
                uint32_t (*call)(uint32_t);
                uint8_t *p = area + f * SPACE;
                memcpy(&call, &p, sizeof(call));
                x = call(x);
            }
    }
    printf("%08x\n", x);
    return 0;
}
