/*
 * mmu.h - memory virtualisation: software TLB, windows, fill, synchronisation with the guest's TLB maintenance.
 *
 * Owns every mapping in a window and every software TLB entry. Asks the guest only through guest_ops.walk(). Must not know
 * the guest ISA, IR or host code.
 */
#ifndef GNOMON_MMU_MMU_H
#define GNOMON_MMU_MMU_H

#include "guest/guest.h"
#include "ir/vcpu.h"

enum paging_mode { PAGING_SOFTTLB, PAGING_SHADOW };

struct mmu_config {
    enum paging_mode paging;
    bool verify;
    unsigned windows;                            /* windows (region reservations) at most, 0 = by the host's address space */
    unsigned max_vmas;                           /* 0 = from vm.max_map_count */
};

void mmu_init(const struct mmu_config *cfg, const struct guest_ops *guest);
void mmu_vcpu_init(struct vcpu *c);

/* The slow paths; on a guest fault they raise it and unwind. */
extern const struct ir_mem_ops mmu_mem_ops;

/* Physical address of the instruction at va, in the current mode; raises the guest's fault and returns false if there is one. */
bool mmu_fetch(struct vcpu *c, uint64_t va, uint64_t *gpa) MUST_CHECK;

/* The guest's roots, ASID or translation regime changed: bases follow. No flush. */
void mmu_switch(struct vcpu *c);

/* TLB maintenance, effective on return. va is page-aligned or not; size in bytes. ANY_ASID: all ASIDs. */
#define MMU_ANY_ASID (-1)
void mmu_tlbi_all(struct vcpu *c);
void mmu_tlbi_asid(struct vcpu *c, uint16_t asid);
void mmu_tlbi_range(struct vcpu *c, uint64_t va, uint64_t size, int asid);

/* Debugger and helper access by virtual address, no guest fault. false: not mapped. */
bool mmu_peek(struct vcpu *c, uint64_t va, void *buf, size_t len) MUST_CHECK;

/* Translate for AT instructions and cache maintenance: no raise. */
enum walk_status mmu_probe(struct vcpu *c, uint64_t va, enum access acc, enum view view, struct walk *out);

#endif
