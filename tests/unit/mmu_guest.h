/*
 * mmu_guest.h - for the tests of src/mmu: a guest whose page table is a small map, and a vCPU that accesses memory
 * as generated code does.
 *
 * Owns CHECK and the guest's state. The tests are in mmu_test.c and mmu_policy_test.c.
 */
#ifndef GNOMON_TESTS_MMU_GUEST_H
#define GNOMON_TESTS_MMU_GUEST_H

#include <stdio.h>

#include "mem/mem.h"
#include "mmu/internal.h"

#define RAM_BASE 0x40000000ull
#define RAM_SIZE (64ull << 20)
#define USER_VA 0xaaaa00000000ull
#define KERNEL_VA 0xffff800000000000ull
#define LIN (KERNEL_VA + 0x7000000000ull)         /* all of RAM, for the kernel */

extern unsigned passed, failed;
#define CHECK(cond)                                                          \
    do {                                                                     \
        if (cond) {                                                          \
            passed++;                                                        \
        } else {                                                             \
            failed++;                                                        \
            printf("FAIL %s:%d: %s\n", __FILE__, __LINE__, #cond);           \
        }                                                                    \
    } while (0)

#define U_RW (PERM_R(VIEW_USER) | PERM_W(VIEW_USER) | PERM_R(VIEW_KERNEL) | PERM_W(VIEW_KERNEL))
#define U_RO (PERM_R(VIEW_USER) | PERM_R(VIEW_KERNEL))
#define K_RW (PERM_R(VIEW_KERNEL) | PERM_W(VIEW_KERNEL) | PERM_R(VIEW_KERNEL_PAN) | PERM_W(VIEW_KERNEL_PAN))

extern uint64_t root[2];
extern uint16_t cur_asid;
extern struct mem_fault last_fault;
extern struct vcpu *cpu;
extern const struct guest_ops guest;

/* What generated code could reach without C: window record, and software TLB tag. */
uint64_t installed(uint64_t va, enum view view);
bool in_tlb(uint64_t va, enum view view, bool write);

uint64_t desc_of(uint64_t r, uint64_t va, unsigned shift);   /* the descriptor's guest physical address */
uint32_t mem_bits(unsigned size, enum view view, bool write);   /* struct ir_mem, packed */
/* false: the guest faulted (last_fault). */
bool load(uint64_t va, enum view view, uint64_t *v);
bool store(uint64_t va, enum view view, uint64_t v);

/* A page or block of 2^SHIFT bytes in the table of root r; the guest writes descriptors in doing so, and maintains no TLB. */
void add(uint64_t r, uint64_t va, uint64_t gpa, unsigned shift, uint8_t perms, bool global);
void del(uint64_t r, uint64_t va);

/* TLB maintenance and the barrier behind it. */
void tlbi_all(struct vcpu *c);
void tlbi_asid(struct vcpu *c, uint16_t asid);
void tlbi_range(struct vcpu *c, uint64_t va, uint64_t size, int asid);

static inline uint64_t *ram(uint64_t gpa) { return mem_ptr(gpa, 8); }

/* mmu_policy_test.c */
void test_org(bool shadow);
void test_budget(bool shadow);
void test_policy(void);

#endif
