/*
 * mmu_guest.c - the guest of mmu_guest.h.
 *
 * Owns its page table. Must not check what the mmu makes of it.
 */
#include "mmu_guest.h"

#include <setjmp.h>
#include <string.h>

unsigned passed, failed;

/* ---- the guest: up to MAPS pages or blocks, by root ---- */
#define MAPS 70000
static struct map { uint64_t root, va, gpa; unsigned shift; uint8_t perms; bool global; } maps[MAPS];
static unsigned n_maps;
uint64_t root[2] = { 0x1000, 0x2000 };
uint16_t cur_asid = 1;
static jmp_buf fault_jmp;
struct mem_fault last_fault;
struct vcpu *cpu;

static struct map *map_find(uint64_t r, uint64_t va)
{
    for (unsigned i = n_maps; i-- > 0;)
        if (maps[i].root == r && va >> maps[i].shift == maps[i].va >> maps[i].shift)
            return &maps[i];
    return NULL;
}

/*
 * The guest's tables, as far as the mmu may see: two levels, 4 KiB pages of descriptors in RAM. The walk goes by maps[]; but the guest
 * writes to the tables when it changes a mapping, through LIN: RAM, mapped in blocks.
 */
#define TABLES (RAM_BASE + 0x3000000)
static struct { uint64_t root, first; unsigned shift; } tables[4096];
static unsigned n_tables;

uint64_t desc_of(uint64_t r, uint64_t va, unsigned shift)
{
    uint64_t first = va >> shift >> 9;
    unsigned i = 0;
    while (i < n_tables && (tables[i].root != r || tables[i].first != first || tables[i].shift != shift))
        i++;
    if (i == n_tables) {
        tables[n_tables].root = r;
        tables[n_tables].first = first;
        tables[n_tables++].shift = shift;
    }
    return TABLES + i * PAGE_SIZE + (va >> shift & 511) * 8;
}

static uint64_t desc_value(const struct map *m) { return m->gpa | m->perms | (uint64_t)m->global << 63; }

static enum walk_status walk_space(struct vcpu *c, const struct space_id *id, unsigned half, uint64_t va, enum access acc,
                                   enum view view, struct walk *w)
{
    const struct map *m = map_find(id->root, va);
    static const struct map lin = { 0, LIN, RAM_BASE, 26, K_RW, true };
    if (va - LIN < RAM_SIZE)
        m = &lin;
    memset(w, 0, sizeof(*w));
    if (!m) {
        w->fault = 7;
        return WALK_FAULT;
    }
    w->shift = (uint8_t)m->shift;
    w->gpa = m->gpa + (va & ((1ull << m->shift) - 1));
    w->perms = m->perms;
    w->global = m->global;
    w->leaf_gpa = m->shift == 12 ? desc_of(id->root, va, 12) : 8;
    w->desc = desc_value(m);
    w->stride = 9;
    if (m != &lin) {
        w->levels = m->shift == 12 ? 2 : 1;
        w->at[0] = desc_of(id->root, va, 21);
        w->at[1] = desc_of(id->root, va, 12);
    }
    unsigned need = acc == ACC_READ ? PERM_R(view) : acc == ACC_WRITE ? PERM_W(view) : PERM_XU | PERM_XK;
    if (!(m->perms & need)) {
        w->fault = 15;
        return WALK_FAULT;
    }
    return WALK_OK;
}

static enum walk_status walk(struct vcpu *c, uint64_t va, enum access acc, enum view view, struct walk *w)
{
    struct space_id id = { .root = root[va_half(va)] };
    return walk_space(c, &id, va_half(va), va, acc, view, w);
}

static struct space_id space(const struct vcpu *c, unsigned half)
{
    return (struct space_id){ .root = root[half], .config = half, .asid = cur_asid };
}

static bool canonical(const struct vcpu *c, uint64_t *va) { return true; }
static void raise_mem(struct vcpu *c, const struct mem_fault *f) { last_fault = *f; }
static enum view fetch_view(const struct vcpu *c) { return VIEW_USER; }
static void dump(const struct vcpu *c, void (*out)(const char *, ...)) {}
NORETURN void vcpu_unwind(struct vcpu *c) { longjmp(fault_jmp, 1); }

const struct guest_ops guest = {
    .name = "test", .insn_align = 4, .walk = walk, .walk_space = walk_space, .space = space, .canonical = canonical, .raise_mem = raise_mem,
    .fetch_view = fetch_view, .dump = dump, .state_size = sizeof(struct vcpu),
};

uint64_t installed(uint64_t va, enum view view)
{
    enum region_group g = view_group(view, va);
    struct space *s = cpu->roots.space[va_half(va)];
    const struct window *w = g == REGION_GROUPS ? NULL : space_window(s, g, va);
    return w ? window_rec(w, va) : 0;
}

bool in_tlb(uint64_t va, enum view view, bool write)
{
    const struct tlb_entry *e = (const struct tlb_entry *)((const char *)cpu->tlb[view].table +
                                                           ((va >> (PAGE_SHIFT - TLB_ENTRY_SHIFT)) & cpu->tlb[view].mask));
    return (write ? e->write_tag : e->read_tag) == (va & PAGE_MASK);
}

uint32_t mem_bits(unsigned size, enum view view, bool write)
{
    return ir_mem_pack((struct ir_mem){ .size = (uint16_t)(size & 7), .view = (uint16_t)(view & 3), .write = write });
}

bool load(uint64_t va, enum view view, uint64_t *v)
{
    if (setjmp(fault_jmp))
        return false;
    *v = mmu_mem_ops.load(cpu, va, mem_bits(3, view, false), 0);
    return true;
}

bool store(uint64_t va, enum view view, uint64_t v)
{
    if (setjmp(fault_jmp))
        return false;
    mmu_mem_ops.store(cpu, va, v, mem_bits(3, view, true), 0);
    return true;
}

/* The guest writes a descriptor, before the mapping changes: what follows writes drops what was made from it then. */
static void set_desc(uint64_t at, uint64_t desc)
{
    CHECK(store(LIN + (at - RAM_BASE), VIEW_KERNEL, desc));
}

void add(uint64_t r, uint64_t va, uint64_t gpa, unsigned shift, uint8_t perms, bool global)
{
    struct map *m = map_find(r, va), new = { r, va, gpa, shift, perms, global };
    set_desc(desc_of(r, va, shift), desc_value(&new));
    if (!m)
        m = &maps[n_maps++];
    *m = new;
}

void del(uint64_t r, uint64_t va)
{
    struct map *m = map_find(r, va);
    if (m)
        set_desc(desc_of(r, va, m->shift), 0);
    if (m)
        *m = maps[--n_maps];
}

void tlbi_all(struct vcpu *c)
{
    mmu_tlbi_all(c);
    mmu_tlbi_complete(c);
}

void tlbi_asid(struct vcpu *c, uint16_t asid)
{
    mmu_tlbi_asid(c, asid);
    mmu_tlbi_complete(c);
}

void tlbi_range(struct vcpu *c, uint64_t va, uint64_t size, int asid)
{
    mmu_tlbi_range(c, va, size, asid);
    mmu_tlbi_complete(c);
}
