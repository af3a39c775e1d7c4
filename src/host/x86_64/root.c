/*
 * root.c - the thunks of IR_ROOT: a switch of address spaces that is remembered (struct vcpu_switch), made without C.
 *
 * Owns their code. What belongs to a switch, and how long it may be made again, is src/mmu's: here is copied what that has noted.
 */
#include "host/x86_64/gen.h"

#define HALF(field, half) state_at(offsetof(struct vcpu, roots.field) + (half) * sizeof(uint64_t))
#define KNOWN(field) mo_bd(RDI, (int32_t)offsetof(struct vcpu_switch, field))
#define EPOCH(field) mo_bd(RDX, (int32_t)offsetof(struct vcpu_epoch, field))
#define SLOT_SIZE ((int32_t)sizeof(((struct vcpu_switch *)0)->slot[0]))
#define SLOT(field) mo_bis(RDI, R14, 0, (int32_t)offsetof(struct vcpu_switch, slot[0].field) - SLOT_SIZE)

static uint8_t *unless_equal(struct as *a, unsigned r, struct mo m)
{
    alu_rm(a, true, ALU_CMP, r, m);
    return jcc32(a, X_NE);
}

/* Jumps if the byte has (cc X_NE) or has not (X_E) a bit of the mask. */
static uint8_t *if_byte(struct as *a, unsigned cc, struct mo m, unsigned mask)
{
    op_rm(a, 0xf6, 0, m);
    e1(a, mask);
    return jcc32(a, cc);
}

static void xor_mr(struct as *a, struct mo m, unsigned r) { op_rm(a, 0x31 | OP_W, r, m); }

/* RDI = the switch to root RSI in that half; the jumps that are taken if there is none. RCX and RDX are lost. */
static void find(struct as *a, unsigned half, uint8_t *none[2])
{
    _Static_assert(SWITCH_WAYS * sizeof(struct vcpu_switch) == 1 << 11, "a set");
    struct mo sets = HALF(known, 0);
    uint8_t *found[SWITCH_WAYS];
    sets.index = RDX;
    sets.disp += (int32_t)(half * sizeof(((struct vcpu *)0)->roots.known[0]));
    mov_rm(a, true, RCX, HALF(root, !half));
    mov_rr(a, true, RDX, RCX);
    shift_ri(a, true, SH_ROL, RDX, SWITCH_ROTATE);
    alu_rr(a, true, ALU_XOR, RDX, RSI);
    mov_ri(a, RDI, SWITCH_HASH);
    imul_rr(a, true, RDX, RDI);
    shift_ri(a, true, SH_SHR, RDX, SWITCH_SHIFT);
    shift_ri(a, false, SH_SHL, RDX, 11);
    lea(a, true, RDI, sets);
    for (unsigned way = 0; way < SWITCH_WAYS - 1; way++) {
        uint8_t *next = unless_equal(a, RSI, KNOWN(root));
        alu_rm(a, true, ALU_CMP, RCX, KNOWN(other));
        found[way] = jcc32(a, X_E);
        land32(a, next);
        alu_ri(a, true, ALU_ADD, RDI, (int32_t)sizeof(struct vcpu_switch));
    }
    none[0] = unless_equal(a, RSI, KNOWN(root));
    none[1] = unless_equal(a, RCX, KNOWN(other));
    for (unsigned way = 0; way < SWITCH_WAYS - 1; way++)
        land32(a, found[way]);
}

/* What the vCPU's accesses go by. RDX, R14 and XT0 are lost. */
static void copy(struct as *a, unsigned half)
{
    const uint32_t movq_load = 0x7e | M_0F | P_F3, movq_store = 0xd6 | M_0F | P_66;
    mov_rm(a, true, R14, KNOWN(size));
    test_rr(a, true, R14, R14);
    uint8_t *none = jcc32(a, X_E);
    const uint8_t *again = a->p;
    op_rm(a, movq_load, XT0, SLOT(delta));
    mov_rm(a, true, RDX, SLOT(at));
    op_rm(a, movq_store, XT0, mo_bd(RDX, 0));
    mov_rm(a, true, RDX, SLOT(table));
    op_rm(a, movq_store, XT0, mo_bd(RDX, 0));
    alu_ri(a, true, ALU_SUB, R14, SLOT_SIZE);
    set_rel32(jcc32(a, X_NE), again);
    land32(a, none);
    const unsigned first = half ? VIEW_KERNEL : VIEW_USER, n = half ? VIEW_COUNT - VIEW_KERNEL : 1;
    for (unsigned k = 0; k < n; k++) {
        struct mo desc = KNOWN(tlb);
        desc.disp += (int32_t)(k * sizeof(void *));
        mov_rm(a, true, RDX, desc);
        movups_rm(a, XT0, mo_bd(RDX, 0));
        movups_mr(a, state_at(offsetof(struct vcpu, tlb) + (first + k) * sizeof(struct tlb_desc)), XT0);
    }
}

/* The context that code is looked up with, as xlate_switch() makes it in kernel mode; the statistics. */
static void follow(struct as *a, unsigned half)
{
    struct mo pc_top = STATE(pc_page);
    pc_top.disp += 6;                            /* bits 55:48 */
    mov_rm(a, true, RDX, KNOWN(exec_key));
    mov_rm(a, true, RDX, mo_bd(RDX, 0));
    alu_rm(a, true, ALU_XOR, RDX, STATE(ctx_salt));
    mov_rm(a, true, RCX, state_at(offsetof(struct vcpu, ctx_space) + half * sizeof(uint64_t)));
    mov_mr(a, true, state_at(offsetof(struct vcpu, ctx_space) + half * sizeof(uint64_t)), RDX);
    alu_rr(a, true, ALU_XOR, RDX, RCX);
    uint8_t *elsewhere = if_byte(a, half ? X_E : X_NE, pc_top, 0x80);
    xor_mr(a, STATE(jc_ctx), RDX);
    land32(a, elsewhere);
    if (!half) {
        mov_rm(a, true, RDX, KNOWN(ctx_user));
        mov_rm(a, true, RCX, STATE(ctx_user));
        mov_mr(a, true, STATE(ctx_user), RDX);
        alu_rr(a, true, ALU_XOR, RDX, RCX);
        xor_mr(a, STATE(ctx_mode), RDX);
    }
    mov_rm(a, true, RDX, STATE(roots.stamp));
    alu_ri(a, true, ALU_ADD, RDX, 1);
    mov_mr(a, true, STATE(roots.stamp), RDX);
    mov_rm(a, true, RCX, KNOWN(used));
    mov_mr(a, true, mo_bd(RCX, 0), RDX);
    alu_mi(a, true, ALU_ADD, STATE(roots.changes), 1);
}

/*
 * RSI = what is written, RAX = the helper, which SLOW calls. Temporaries are free. The order is src/mmu's (mmu/internal.h): all that
 * others may change of this vCPU's, then space[] with a barrier, then the look at the epoch; what comes behind needs space[] in force.
 */
void emit_root(struct as *a, unsigned half, const struct vcpu_epoch *epoch, const uint8_t *slow)
{
    uint8_t *to_slow[7], *done, *same, *commit, *undone[2];
    unsigned n = 2;
    if (!epoch) {
        jmp_to(a, slow);
        return;
    }
    alu_rm(a, true, ALU_CMP, RSI, HALF(root, half));
    done = jcc32(a, X_E);
    find(a, half, to_slow);
    mov_ri(a, RDX, (uint64_t)(uintptr_t)epoch);
    mov_rm(a, true, R13, EPOCH(gen));
    to_slow[n++] = unless_equal(a, R13, KNOWN(gen));
    mov_rm(a, true, RCX, HALF(space, !half));
    to_slow[n++] = unless_equal(a, RCX, KNOWN(with));
    mov_rm(a, true, RCX, KNOWN(space));
    alu_rm(a, true, ALU_CMP, RCX, HALF(space, half));
    same = jcc32(a, X_E);                        /* another ASID: in force it is not stale */
    to_slow[n++] = if_byte(a, X_NE, STATE(roots.in_c), 0xff);
    copy(a, half);
    uint8_t *smp = if_byte(a, X_E, STATE(roots.alone), 0xff);
    mov_mr(a, true, HALF(space, half), RCX);
    commit = jmp32(a);
    land32(a, smp);
    op_rm(a, 0x87 | OP_W, RCX, HALF(space, half));           /* xchg: a barrier */
    mov_ri(a, RDX, (uint64_t)(uintptr_t)epoch);
    op_rm(a, 0x83, ALU_CMP, EPOCH(busy));
    e1(a, 0);
    undone[0] = jcc32(a, X_NE);
    undone[1] = unless_equal(a, R13, EPOCH(gen));
    land32(a, commit);
    follow(a, half);
    land32(a, same);
    mov_mr(a, true, HALF(root, half), RSI);
    alu_mi(a, true, ALU_ADD, STATE(roots.switches), 1);
    land32(a, done);
    ret(a);

    land32(a, undone[0]);
    land32(a, undone[1]);
    if (!half)
        mov_mr(a, true, STATE(roots.left), RCX);
    op_rm(a, 0xc6, 0, STATE(roots.undone));      /* mov byte */
    e1(a, 1u << half);
    while (n)
        land32(a, to_slow[--n]);
    jmp_to(a, slow);
}
