/*
 * guest.h - what a guest ISA gives the rest of gnomon: translation, the page walker, exceptions.
 *
 * One const struct guest_ops an ISA. The mmu asks the guest only through walk(); xlate only through translate() and flags().
 */
#ifndef GNOMON_GUEST_GUEST_H
#define GNOMON_GUEST_GUEST_H

#include "ir/ir.h"

enum access { ACC_READ, ACC_WRITE, ACC_EXEC };

/* Permissions of a translation, for each view's reads and writes; execution for user and kernel. */
#define PERM_R(view) (1u << (view))
#define PERM_W(view) (8u << (view))
#define PERM_XU 0x40u                            /* VIEW_USER may execute */
#define PERM_XK 0x80u                            /* VIEW_KERNEL may execute */

enum walk_status { WALK_OK, WALK_FAULT };

/*
 * The result of a walk. On WALK_OK gpa .. perms hold; on WALK_FAULT code and level, and shift is that of what the entry which ended
 * the walk would have covered, or 0.
 */
struct walk {
    uint64_t gpa;                                /* of va itself */
    uint8_t shift;                               /* log2 size of the leaf: 12, 14, 16, 21, 25, 29, 30, ...; contiguous ranges are not widened */
    uint8_t perms;                               /* PERM_* of the leaf, whatever access was asked */
    bool device;                                 /* Device memory: unaligned accesses fault */
    bool global;                                 /* not tied to the ASID */
    uint8_t level;
    uint8_t fault;                               /* guest's own code (A64: FSC) */
    uint64_t leaf_gpa;                           /* physical address of the leaf descriptor: its neighbours are the next leaves; 0 if none (MMU off) */
    uint64_t desc;                               /* the leaf descriptor as read */
    /*
     * Non-zero: hardware makes the leaf descriptor this (accessed, dirty) before it performs the access that was asked for. Until it
     * is, nothing of this walk may be cached. perms are without the writes that would make the page dirty.
     */
    uint64_t update;
    /* The descriptors that were read, from the root's to the leaf's, one a level; a step up a level is STRIDE bits of va. */
    uint64_t at[4];
    uint8_t levels, stride;
    uint64_t table_attrs;                        /* what the tables above add: equal values and equal descriptors mean equal rights */
};

/* A data or instruction abort to raise. */
struct mem_fault {
    uint64_t va;
    enum access access;
    enum view view;
    uint8_t fault;                               /* guest's own code from the walk, or FAULT_* */
};
#define FAULT_ALIGN 0xf0u                        /* alignment; the guest maps these to its own codes */
#define FAULT_EXTERNAL 0xf1u                     /* nothing answers at the physical address */
#define FAULT_WATCH 0xf2u                        /* a watchpoint matches; va is the first byte of the access that it watches */

/* Addresses that a debugger or the guest's own watchpoints look at: [va, last]. */
struct watch_range {
    uint64_t va, last;
};
#define WATCH_RANGES 16                          /* of one vCPU at most */

/* An address space as the guest names it, one a half: what keys windows. */
struct space_id {
    uint64_t root;                               /* physical address of the root table; ~0 with the MMU off */
    uint64_t config;                             /* everything else that shapes the walk (granule, size, tag policy, ...) */
    uint16_t asid;
    bool global_only;                            /* all translations of this half ignore the ASID (hint) */
};

/* What translate() may look at. */
struct translate_ctx {
    const uint8_t *page;                         /* the guest page's bytes (PAGE_SIZE) */
    uint32_t pc_off;                             /* where in it to start */
    uint32_t max_insns;                          /* 1..IR_MAX_GUEST */
    uint32_t max_sides;                          /* conditional branches that the block (a loop's round) may go on behind, 0..IR_MAX_SIDES */
    uint32_t max_jumps;                          /* jumps that it may go on behind, where they lead to, 0..IR_MAX_JUMPS */
    uint32_t max_rounds;                         /* of a short loop that the block may consist of, 0 and 1: not more than one */
    uint32_t flags;                              /* mode flags, as flags() returned them */
};

/*
 * What a debugger sees of a vCPU: registers numbered as the target description (GDB manual, annex G) counts them, little-endian
 * bytes. The vCPU is held.
 */
struct guest_debug {
    unsigned n_general;                          /* the first ones: those of the 'g' packet */
    /* The description's part NAME ("target.xml" includes the others) into a buffer to be freed, or NULL. */
    char *(*xml)(const struct vcpu *c, const char *name);
    unsigned (*read)(const struct vcpu *c, unsigned reg, uint8_t buf[16]);   /* bytes; 0: there is no such register */
    unsigned (*write)(struct vcpu *c, unsigned reg, const uint8_t *buf, size_t len);   /* bytes taken; 0: read-only or absent */
};

struct guest_ops {
    const char *name;
    unsigned insn_align;                         /* bytes */
    /* Mode flags: everything besides the code bytes that translation depends on (EL, PAN, MMU, traps, FP mode, ...). */
    uint32_t (*flags)(const struct vcpu *c);
    /* What they would be in user or kernel mode, as translated code enters it (vcpu.ctx_mode[]). */
    uint32_t (*mode_flags)(const struct vcpu *c, bool kernel);
    enum view (*fetch_view)(const struct vcpu *c);
    /* Translate from ctx into b, up to and including an exit. Always succeeds: undefined encodings raise when run. */
    void (*translate)(struct ir_block *b, const struct translate_ctx *ctx, const struct vcpu *c);
    /* Disassemble one instruction into buf (-d in_asm); returns its length in bytes. */
    unsigned (*disas)(const uint8_t *code, uint64_t pc, char *buf, size_t len);
    /* Walk the guest's tables for va; no side effects. Reads tables with mem_read*(). */
    enum walk_status (*walk)(struct vcpu *c, uint64_t va, enum access acc, enum view view, struct walk *out);
    /* The same in the address space *id of half h, in force or not: root and configuration are taken from *id only. */
    enum walk_status (*walk_space)(struct vcpu *c, const struct space_id *id, unsigned half, uint64_t va, enum access acc,
                                   enum view view, struct walk *out);
    /* The address space of half h (0 low, 1 high), as now in force. */
    struct space_id (*space)(const struct vcpu *c, unsigned half);
    /* Strip tags: the va that is translated. false: not canonical for the current configuration (walk gives the fault). */
    bool (*canonical)(const struct vcpu *c, uint64_t *va);
    /* Set the guest's abort exception (ESR, FAR, vectors) at the instruction pc_page + pc_off; state is canonical. */
    void (*raise_mem)(struct vcpu *c, const struct mem_fault *f);
    /* An access to a page with a watched range (va canonical) is allowed: does a watchpoint of this vCPU match? *hit: FAULT_WATCH's va. */
    bool (*watch)(const struct vcpu *c, uint64_t va, unsigned len, bool write, enum view view, uint64_t *hit);
    /* Called by the run loop when exit_req was seen: take a pending interrupt if unmasked. */
    void (*poll_irq)(struct vcpu *c);
    bool (*has_work)(const struct vcpu *c);      /* WFI ends: an interrupt is pending, masked or not */
    void (*reset)(struct vcpu *c);
    void (*dump)(const struct vcpu *c, void (*out)(const char *fmt, ...));
    const struct guest_debug *debug;
    size_t state_size;                           /* of the structure that embeds struct vcpu */
};

#endif
