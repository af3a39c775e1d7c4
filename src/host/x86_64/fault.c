/*
 * fault.c - signal contexts, and changing code that may be running.
 *
 * Owns the host_patch_*() protocols: a four-byte displacement within one cache line is stored at once; a site becomes a jump
 * by way of a two-byte jump to itself, so that a vCPU that executes it sees the old instruction, a short wait, or the jump.
 */
#include <ucontext.h>

#include "host/x86_64/gen.h"

const void *host_fault_pc(void *ucontext)
{
    const ucontext_t *uc = ucontext;
    return (const void *)(uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
}

void host_fault_resume(void *ucontext, const void *pc)
{
    ucontext_t *uc = ucontext;
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)pc;
}

/* x86 stores what lies in one cache line at once, aligned or not (Intel SDM vol. 3, 8.1.1). */
static void store4(uint8_t *p, uint32_t v) { __asm__ volatile("movl %1, %0" : "=m"(*(uint32_t *)(void *)p) : "r"(v) : "memory"); }
static void store2(uint8_t *p, uint16_t v) { __asm__ volatile("movw %1, %0" : "=m"(*(uint16_t *)(void *)p) : "r"(v) : "memory"); }

void host_patch_jump(struct host_exit *e, const void *to)
{
    const uint8_t *t = to ? to : e->stub;
    if (e->patch)
        store4(e->patch, (uint32_t)(t - (e->patch + 4)));
}

void host_patch_site(const struct host_code *code, const struct host_site *s)
{
    uint8_t *p = (uint8_t *)(uintptr_t)code->entry + s->start;
    const uint8_t *to = (const uint8_t *)code->entry + s->slow;
    uint8_t jump[5] = {0xe9};
    uint16_t head;
    if (*p == 0xe9)
        return;
    set_rel32(jump + 1, to - (p - jump));
    store2(p, 0xfeeb);                           /* jmp to itself */
    memcpy(p + 2, jump + 2, 3);
    memcpy(&head, jump, 2);
    __asm__ volatile("" ::: "memory");
    store2(p, head);
}

void host_restore_site(const struct host_code *code, const struct host_site *s, const uint8_t bytes[HOST_SITE_PATCH])
{
    uint8_t *p = (uint8_t *)(uintptr_t)code->entry + s->start;
    uint16_t head;
    store2(p, 0xfeeb);
    memcpy(p + 2, bytes + 2, 3);
    memcpy(&head, bytes, 2);
    __asm__ volatile("" ::: "memory");
    store2(p, head);
}
