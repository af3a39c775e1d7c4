/*
 * selfmod.c - guest test: code written at run time, changed, moved and run again, with the cache maintenance that the
 * architecture asks for. A stale translation gives a wrong number.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef long fn(long);

static uint32_t movz(unsigned rd, unsigned imm) { return 0xd2800000u | imm << 5 | rd; }
static uint32_t add_imm(unsigned rd, unsigned rn, unsigned imm) { return 0x91000000u | imm << 10 | rn << 5 | rd; }
#define RET 0xd65f03c0u

static void publish(void *p, size_t len) { __builtin___clear_cache((char *)p, (char *)p + len); }

int main(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint32_t *code = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long sum = 0, bad = 0;

    for (unsigned i = 0; i < 3000; i++) {        /* the same place, new constants */
        code[0] = add_imm(0, 0, i & 0xfff);
        code[1] = RET;
        publish(code, 8);
        long r = ((fn *)code)(i);
        bad += r != (long)(i + (i & 0xfff));
        sum += r;
    }
    printf("rewritten: sum %ld bad %ld\n", sum, bad);

    sum = bad = 0;
    for (unsigned i = 0; i < 2000; i++) {        /* across a page boundary, patched in the second page only */
        uint32_t *at = code + page / 4 - 2;
        at[0] = movz(1, i & 0xffff);
        at[1] = add_imm(0, 0, 1);
        at[2] = add_imm(0, 1, i % 7);
        at[3] = RET;
        publish(at, 16);
        long r = ((fn *)at)(5);
        bad += r != (long)((i & 0xffff) + i % 7);
        at[2] = add_imm(0, 0, 3);
        publish(at + 2, 4);
        r = ((fn *)at)(5);
        bad += r != 9;
        sum += r;
    }
    printf("across pages: sum %ld bad %ld\n", sum, bad);

    bad = 0;
    for (unsigned i = 0; i < 300; i++) {         /* fresh mappings at one address */
        munmap(code, 4 * page);
        uint32_t *again = mmap(code, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        again[0] = movz(0, i);
        again[1] = RET;
        publish(again, 8);
        mprotect(again, page, PROT_READ | PROT_EXEC);
        bad += ((fn *)again)(0) != (long)i;
        mprotect(again, page, PROT_READ | PROT_WRITE);
    }
    printf("remapped: bad %ld\n", bad);

    /* One object, two views: written through one, run through the other. */
    int fd = memfd_create("code", 0);
    if (ftruncate(fd, (off_t)page))
        return 1;
    uint32_t *w = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint32_t *x = mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    bad = 0;
    for (unsigned i = 0; i < 2000; i++) {
        w[0] = movz(0, i);
        w[1] = RET;
        publish(w, 8);
        publish(x, 8);
        bad += ((fn *)x)(0) != (long)i;
    }
    printf("two views: bad %ld\n", bad);
    return 0;
}
