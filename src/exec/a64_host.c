/*
 * a64_host.c - what the AArch64 guest asks of the emulator: TLB and instruction cache maintenance, table reads, WFI.
 *
 * Glue only: joins src/guest/a64's hooks to src/mmu, src/xlate and src/exec.
 */
#include "exec/a64_host.h"

#include "exec/exec.h"
#include "mem/mem.h"
#include "mmu/mmu.h"
#include "xlate/xlate.h"

/* The jump cache's key names the address space that code is fetched from: it follows at once. */
static void switch_space(struct vcpu *c)
{
    mmu_switch(c);
    xlate_switch(c);
}

static void switch_root(struct vcpu *c, unsigned half)
{
    switch_space(c);
    mmu_remember_switch(c, half);
}

static void tlbi_range(struct vcpu *c, uint64_t va, uint64_t size, int asid, bool broadcast) { mmu_tlbi_range(c, va, size, asid); }

static void icache_inval(struct vcpu *c, uint64_t gpa, uint64_t len) { xlate_invalidate(gpa, len); }

static void icache_inval_all(struct vcpu *c) { xlate_invalidate_all(); }

static void debug_changed(struct vcpu *c, const struct watch_range *r, unsigned n)
{
    mmu_set_watches(c, r, n);
    xlate_flags_changed(c);
}

static uint64_t read_gpa64(uint64_t gpa, bool *ok)
{
    const uint64_t *p = gpa & 7 ? NULL : mem_read_ptr(gpa, 8);
    *ok = p != NULL;
    return p ? __atomic_load_n(p, __ATOMIC_RELAXED) : 0;
}

const struct a64_host_ops a64_host_ops = {
    .switch_space = switch_space,
    .switch_root = switch_root,
    .tlbi_all = mmu_tlbi_all,
    .tlbi_asid = mmu_tlbi_asid,
    .tlbi_range = tlbi_range,
    .tlbi_complete = mmu_tlbi_complete,
    .probe = mmu_probe,
    .icache_inval = icache_inval,
    .icache_inval_all = icache_inval_all,
    .debug_changed = debug_changed,
    .wait = exec_wait,
    .wait_event = exec_wait_event,
    .send_event = exec_send_event,
    .yield = exec_yield,
    .mode_changed = xlate_mode_changed,
    .read_gpa64 = read_gpa64,
};
_Static_assert((unsigned)LINE_IRQ == A64_LINE_IRQ && (unsigned)LINE_FIQ == A64_LINE_FIQ, "vcpu.lines");
