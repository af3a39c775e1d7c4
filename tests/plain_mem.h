/*
 * plain_mem.h - guest memory of a test that has no address translation: struct ir_mem_ops over bytes that the test finds itself.
 *
 * Included once, below the test's own at(), which finds the BYTES bytes at VA of an access as MEM says and does not return if there are
 * none (alignment is its business, too). Must not know what a test does with an access. One vCPU: nothing here is atomic.
 */
#ifndef TESTS_PLAIN_MEM_H
#define TESTS_PLAIN_MEM_H

#include <string.h>

#include "ir/ir.h"

static uint8_t *at(struct vcpu *c, uint64_t va, uint32_t mem, unsigned bytes);

static inline unsigned plain_bytes(uint32_t mem) { return 1u << ir_mem_unpack((uint16_t)mem).size; }

static uint64_t plain_load(struct vcpu *c, uint64_t va, uint32_t mem, uint32_t pc_off)
{
    struct ir_mem m = ir_mem_unpack((uint16_t)mem);
    unsigned bytes = 1u << m.size;
    uint64_t v = 0;
    c->pc_off = pc_off;
    memcpy(&v, at(c, va, mem, bytes), bytes);
    if (!m.sext)
        return v;
    v = (uint64_t)sextract(v, 0, 8 * bytes);
    return m.wide ? v : (uint32_t)v;
}

static void plain_store(struct vcpu *c, uint64_t va, uint64_t v, uint32_t mem, uint32_t pc_off)
{
    unsigned bytes = plain_bytes(mem);
    c->pc_off = pc_off;
    memcpy(at(c, va, mem, bytes), &v, bytes);
}

static u128 plain_load128(struct vcpu *c, uint64_t va, uint32_t mem, uint32_t pc_off)
{
    u128 v;
    c->pc_off = pc_off;
    memcpy(&v, at(c, va, mem, 16), 16);
    return v;
}

static void plain_store128(struct vcpu *c, uint64_t va, uint64_t lo, uint64_t hi, uint32_t mem, uint32_t pc_off)
{
    u128 v = { lo, hi };
    c->pc_off = pc_off;
    memcpy(at(c, va, mem, 16), &v, 16);
}

static uint64_t plain_amo(struct vcpu *c, uint64_t va, uint64_t v, uint32_t mem, uint32_t pc_off)
{
    unsigned bytes = plain_bytes(mem), width = 8 * bytes;
    uint64_t old = 0, r = 0;
    c->pc_off = pc_off;
    uint8_t *p = at(c, va, mem, bytes);
    memcpy(&old, p, bytes);
    v = bits(v, 0, width);
    int64_t so = sextract(old, 0, width), sv = sextract(v, 0, width);
    switch ((enum ir_amo)(mem >> 16)) {
    case AMO_SWP: r = v; break;
    case AMO_ADD: r = old + v; break;
    case AMO_CLR: r = old & ~v; break;
    case AMO_EOR: r = old ^ v; break;
    case AMO_SET: r = old | v; break;
    case AMO_SMAX: r = so > sv ? old : v; break;
    case AMO_SMIN: r = so < sv ? old : v; break;
    case AMO_UMAX: r = old > v ? old : v; break;
    case AMO_UMIN: r = old < v ? old : v; break;
    }
    memcpy(p, &r, bytes);
    return old;
}

static uint64_t plain_cas(struct vcpu *c, uint64_t va, uint64_t expect, uint64_t v, uint32_t mem, uint32_t pc_off)
{
    unsigned bytes = plain_bytes(mem);
    uint64_t old = 0;
    c->pc_off = pc_off;
    uint8_t *p = at(c, va, mem, bytes);
    memcpy(&old, p, bytes);
    if (old == bits(expect, 0, 8 * bytes))
        memcpy(p, &v, bytes);
    return old;
}

static uint64_t plain_stx(struct vcpu *c, uint64_t va, uint64_t v, uint32_t mem, uint32_t pc_off)
{
    unsigned bytes = plain_bytes(mem);
    uint64_t old = 0;
    bool ours = c->excl_addr == va;
    c->pc_off = pc_off;
    uint8_t *p = at(c, va, mem, bytes);
    memcpy(&old, p, bytes);
    c->excl_addr = EXCL_NONE;
    if (!ours || old != bits(c->excl_val[0], 0, 8 * bytes))
        return 1;
    memcpy(p, &v, bytes);
    return 0;
}

static uint64_t plain_casp(struct vcpu *c, uint64_t va, uint64_t lo, uint64_t hi, uint32_t mem, uint32_t pc_off)
{
    u128 old = plain_load128(c, va, mem, pc_off);
    if (old.lo == c->pair[0] && old.hi == c->pair[1])
        plain_store128(c, va, lo, hi, mem, pc_off);
    c->pair[1] = old.hi;
    return old.lo;
}

static uint64_t plain_stxp(struct vcpu *c, uint64_t va, uint64_t lo, uint64_t hi, uint32_t mem, uint32_t pc_off)
{
    bool ours = c->excl_addr == va;
    u128 old = plain_load128(c, va, mem, pc_off);
    c->excl_addr = EXCL_NONE;
    if (!ours || old.lo != c->excl_val[0] || old.hi != c->excl_val[1])
        return 1;
    plain_store128(c, va, lo, hi, mem, pc_off);
    return 0;
}

static const struct ir_mem_ops plain_mem_ops = {
    plain_load, plain_store, plain_load128, plain_store128, plain_amo, plain_cas, plain_stx, plain_casp, plain_stxp,
};

#endif
