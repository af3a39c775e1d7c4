/*
 * generate.c - one block from IR to host code: the passes in order, and the tables behind the code.
 *
 * Layout of a translation: code, slow stubs, exit stubs, then (aligned) vector constants, exits, instruction copies, sites.
 * Re-entrant: everything is in struct gen on the caller's stack.
 */
#include "host/x86_64/gen.h"

#define MARGIN 1024                              /* no IR instruction emits more */

/* By the order of ir_ops.h; what a group's file has no form for is somebody else's. */
static bool by_group(struct gen *g, const struct ir_insn *i)
{
    if (i->op <= IR_SELNZ)
        return lower_int(g, i);
    if (i->op <= IR_SETNZCV)
        return lower_flags(g, i);
    if (i->op <= IR_FENCE)
        return lower_mem(g, i);
    if (i->op < IR_VCONST)
        return lower_exit(g, i);
    return lower_vec(g, i) || lower_fp(g, i) || lower_crypto(g, i);
}

static void one(struct gen *g, const struct ir_insn *i)
{
    if (by_group(g, i) || lower_fp(g, i) || lower_trap(g, i) || lower_sys(g, i))
        return;
    if (i->op == IR_CALL || i->op == IR_ROOT)
        lower_call(g, i);
    else if (i->op != IR_VCONST)                 /* (made where it is used) */
        lower_eval(g, i);
}

/* The tables, behind the code at A.p. */
static bool tables(struct gen *g, struct host_code *out)
{
    struct as *a = &g->a;
    size_t need = g->n_exits * sizeof(struct host_exit) + g->n_sites * sizeof(struct host_site) +
                  g->n_evals * sizeof(struct ir_insn) + g->n_pool * sizeof(u128) + 3 * 16;
    if ((size_t)(g->limit - a->p) < need)
        return false;
    uint8_t *p = a->p + (-(uintptr_t)a->p & 15);

    memcpy(p, g->pool, g->n_pool * sizeof(u128));
    for (unsigned n = 0; n < g->n_pool_uses; n++)
        set_rel32(g->pool_use[n].at, p + g->pool_use[n].k * sizeof(u128));
    p += g->n_pool * sizeof(u128);

    out->exit = (struct host_exit *)(void *)p;
    out->n_exits = g->n_exits;
    for (unsigned n = 0; n < g->n_exits; n++)
        out->exit[n] = g->exit[n];
    for (unsigned n = 0; n < g->n_leaves; n++) {
        if (g->leave[n].exit >= 0)
            set_rel32(g->leave[n].from, (uint8_t *)&out->exit[g->leave[n].exit]);
    }
    p += g->n_exits * sizeof(struct host_exit);

    struct ir_insn *copy = (struct ir_insn *)(void *)p;
    for (unsigned n = 0; n < g->n_evals; n++) {
        copy[n] = g->b->insn[g->eval[n].insn];
        set_rel32(g->eval[n].at, (uint8_t *)&copy[n]);
    }
    p += g->n_evals * sizeof(struct ir_insn);

    out->site = (struct host_site *)(void *)p;
    out->n_sites = g->n_sites;
    memcpy(out->site, g->site, g->n_sites * sizeof(struct host_site));
    p += g->n_sites * sizeof(struct host_site);
    out->entry = g->start;
    out->size = (uint32_t)(p - g->start);
    return true;
}

/* A block with vectors wants their homes loaded. */
static void vec_homes(struct gen *g)
{
    op_rm(&g->a, 0x80, 7, STATE(vec_live));      /* cmp byte, 0 */
    e1(&g->a, 0);
    struct stub *s = new_stub(g, STUB_VEC_HOMES);
    stub_from(s, jcc32(&g->a, X_E));
    s->back = g->a.p;
}

bool host_generate(const struct ir_block *b, const struct host_gen_opts *o, void *at, size_t room, struct host_code *out)
{
    struct gen gen, *g = &gen;
    if (room < 2 * MARGIN)
        return false;
    g->b = b;
    g->o = o;
    g->start = at;
    g->a.p = at;
    g->a.ef = false;
    g->limit = g->start + room;
    g->lock = 0;
    g->flags_writer = g->lazy = g->lazy_src = -1;
    g->n_asides = 0;
    g->n_stubs = g->n_sites = g->n_exits = g->n_leaves = g->n_evals = g->n_pool = g->n_pool_uses = 0;
    g->i = 0;
    alloc_prepare(g);
    if (g->vec)
        vec_homes(g);
    g->head = g->a.p;
    const struct ir_insn *i = b->insn;
    const struct val *x = g->v;
    for (unsigned n = 0, end = b->n; n < end; n++, i++, x++) {
        if (i->op <= IR_CONST)
            continue;                            /* a constant is made where it is used */
        if (g->limit - g->a.p < MARGIN)
            return false;
        g->i = n;
        if (i->op == IR_PUTR) {
            put_gpr(g, i);                       /* (spares EFLAGS) */
        } else if (x->root == n && x->uses != USES_FUSED) {
            if (g->flags_writer >= 0)
                flags_flush(g, i);
            one(g, i);
        }
        finish(g, n, i);
        if (g->lazy_src >= 0)
            flags_release(g, n);
    }
    out->hot = (uint32_t)(g->a.p - g->start);
    emit_stubs(g);
    if (g->limit - g->a.p < MARGIN)
        return false;
    emit_leaves(g);
    out->text = (uint32_t)(g->a.p - g->start);
    return tables(g, out);
}
