/*
 * fault.c - signal contexts, and changing code that may be running.
 *
 * Owns the host_patch_*() protocols: a displacement or a key within one cache line is stored at once; a site becomes a jump
 * by way of a two-byte jump to itself, so that a vCPU that executes it sees the old instruction, a short wait, or the jump. Between
 * the steps every core is made to fetch anew (Intel SDM vol. 3, 8.1.3: cross-modifying code needs a serializing instruction).
 */
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

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

void host_fault_set_sp(void *ucontext, const void *sp)
{
    ucontext_t *uc = ucontext;
    uc->uc_mcontext.gregs[REG_RSP] = (greg_t)(uintptr_t)sp;
}

/* x86 stores what lies in one cache line at once, aligned or not (Intel SDM vol. 3, 8.1.1). */
static void store4(uint8_t *p, uint32_t v) { __asm__ volatile("movl %1, %0" : "=m"(*(uint32_t *)(void *)p) : "r"(v) : "memory"); }
static void store8(uint8_t *p, uint64_t v) { __asm__ volatile("movq %1, %0" : "=m"(*(uint64_t *)(void *)p) : "r"(v) : "memory"); }
static void store2(uint8_t *p, uint16_t v) { __asm__ volatile("movw %1, %0" : "=m"(*(uint16_t *)(void *)p) : "r"(v) : "memory"); }

void host_patch_jump(struct host_exit *e, const void *to)
{
    const uint8_t *t = to ? to : e->stub;
    if (e->patch)
        store4(e->patch, (uint32_t)(t - (e->patch + 4)));
}

void host_patch_key(struct host_exit *e, uint64_t key)
{
    uint8_t *miss = e->patch - e->miss;
    store8(e->patch - e->key, key);
    store4(miss, (uint32_t)((const uint8_t *)e->probe - (miss + 4)));
}

void host_site_stop(const struct host_code *code, const struct host_site *s)
{
    store2((uint8_t *)(uintptr_t)code->entry + s->start, 0xfeeb);      /* jmp to itself */
}

void host_site_restore(const struct host_code *code, const struct host_site *s, const uint8_t bytes[HOST_SITE_PATCH],
                       enum host_site_part part)
{
    uint8_t *p = (uint8_t *)(uintptr_t)code->entry + s->start;
    uint16_t head;
    memcpy(&head, bytes, 2);
    if (part == HOST_SITE_TAIL)
        memcpy(p + 2, bytes + 2, HOST_SITE_PATCH - 2);
    else
        store2(p, head);
}

static bool several;

bool host_several_cores(void)
{
    several = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) == 0;
    return several;
}

void host_sync_cores(void)
{
    if (several)
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
}

void host_patch_site(const struct host_code *code, const struct host_site *s)
{
    const uint8_t *p = (const uint8_t *)code->entry + s->start, *to = (const uint8_t *)code->entry + s->slow;
    uint8_t jump[HOST_SITE_PATCH] = {0xe9};
    if (*p == 0xe9)
        return;
    set_rel32(jump + 1, to - (p - jump));
    host_site_stop(code, s);
    host_sync_cores();
    host_site_restore(code, s, jump, HOST_SITE_TAIL);
    host_sync_cores();
    host_site_restore(code, s, jump, HOST_SITE_HEAD);
    host_sync_cores();
}
