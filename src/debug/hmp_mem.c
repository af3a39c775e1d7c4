/*
 * hmp_mem.c - memory and expressions: x, xp, print, gva2gpa, info mem, info tlb.
 *
 * Owns nothing. Looks only: devices' registers are not read, because reading may change them.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/run.h"
#include "debug/monitor_impl.h"
#include "mem/mem.h"
#include "mmu/mmu.h"

#define MAX_BYTES (1u << 20)                     /* of one dump */

/* ---- expressions: | ^ & below + - below * / %, unary - + ~, $register, parentheses ---- */

struct expr {
    const char *p;
    const struct vcpu *cpu;
    const char *error;
    unsigned depth;
};

static uint64_t level(struct expr *e, unsigned l);

static uint64_t reg(struct expr *e)
{
    char name[8];
    size_t n = 0;
    while (isalnum((unsigned char)e->p[n]))
        n++;
    snprintf(name, sizeof name, "%.*s", (int)n, e->p);
    e->p += n;
    unsigned i;
    int end = -1;
    if (!strcmp(name, "pc"))
        return vcpu_pc(e->cpu);
    if (!strcmp(name, "sp"))
        return e->cpu->r[31];
    if (sscanf(name, "x%2u%n", &i, &end) == 1 && !name[end] && i < 31)
        return e->cpu->r[i];
    e->error = "unknown register";
    return 0;
}

static uint64_t unary(struct expr *e)
{
    if (e->depth++ > 100) {
        e->error = "expression too deep";
        return 0;
    }
    uint64_t v = 0;
    while (isspace((unsigned char)*e->p))
        e->p++;
    char c = *e->p;
    if (c == '-' || c == '+' || c == '~') {
        e->p++;
        v = unary(e);
        v = c == '-' ? -v : c == '~' ? ~v : v;
    } else if (c == '(') {
        e->p++;
        v = level(e, 0);
        if (*e->p == ')')
            e->p++;
        else if (!e->error)
            e->error = "')' expected";
    } else if (c == '$') {
        e->p++;
        v = reg(e);
    } else if (isdigit((unsigned char)c)) {
        char *end;
        v = strtoull(e->p, &end, 0);
        e->p = end;
    } else if (!e->error) {
        e->error = c ? "invalid char in expression" : "unexpected end of expression";
    }
    while (isspace((unsigned char)*e->p))
        e->p++;
    e->depth--;
    return v;
}

static uint64_t level(struct expr *e, unsigned l)
{
    static const char *const ops[] = { "|^&", "+-", "*/%" };
    if (l == ARRAY_LEN(ops))
        return unary(e);
    uint64_t v = level(e, l + 1);
    while (!e->error && *e->p && strchr(ops[l], *e->p)) {
        char op = *e->p++;
        uint64_t w = level(e, l + 1);
        switch (op) {
        case '|': v |= w; break;
        case '^': v ^= w; break;
        case '&': v &= w; break;
        case '+': v += w; break;
        case '-': v -= w; break;
        case '*': v *= w; break;
        default:
            if (w)
                v = op == '/' ? v / w : v % w;
            else
                e->error = "division by zero";
        }
    }
    return v;
}

static bool evaluate(struct hmp_call *c, const char *s, uint64_t *v)
{
    struct expr e = { .p = s, .cpu = hmp_vcpu(c) };
    *v = level(&e, 0);
    if (!e.error && *e.p)
        e.error = "invalid char in expression";
    if (e.error)
        hmp_error(c, "%s", e.error);
    return !e.error;
}

/* ---- formats ---- */

struct format {
    unsigned count, unit;
    char letter;
};

/* "/COUNT LETTERS" at the front of C->args, cut off. */
static bool parse_format(struct hmp_call *c, struct format *f)
{
    if (*c->args != '/')
        return true;
    const char *p = c->args + 1;
    if (isdigit((unsigned char)*p)) {
        char *end;
        unsigned long n = strtoul(p, &end, 10);
        f->count = (unsigned)MIN(n, (unsigned long)MAX_BYTES);
        p = end;
    }
    for (; *p && !isspace((unsigned char)*p); p++) {
        static const char units[] = "bhwg";
        const char *u = strchr(units, *p);
        if (u) {
            f->unit = 1u << (u - units);
        } else if (strchr("xduoci", *p)) {
            f->letter = *p;
            if (*p == 'c')
                f->unit = 1;
        } else {
            hmp_error(c, "invalid char in format: '%c'", *p);
            return false;
        }
    }
    c->args = p + strspn(p, " \t");
    return true;
}

static void print_char(struct text *out, uint8_t v)
{
    static const char special[] = "n\nr\rt\t\"\"''\\\\";
    for (const char *s = special; *s; s += 2)
        if ((uint8_t)s[1] == v) {
            text_printf(out, "'\\%c'", *s);
            return;
        }
    text_printf(out, v >= 32 && v <= 126 ? "'%c'" : "'\\x%02x'", v);
}

static void print_value(struct text *out, const struct format *f, uint64_t v)
{
    unsigned bits = f->unit * 8;
    switch (f->letter) {
    case 'o': text_printf(out, " %#*" PRIo64, (int)(bits + 2) / 3, v); break;
    case 'u': text_printf(out, " %*" PRIu64, (int)(bits * 10 + 32) / 33, v); break;
    case 'd': text_printf(out, " %*" PRId64, (int)(bits * 10 + 32) / 33, sextract(v, 0, bits)); break;
    case 'c':
        text_add(out, " ", 1);
        print_char(out, (uint8_t)v);
        break;
    default: text_printf(out, " 0x%0*" PRIx64, (int)bits / 4, v); break;
    }
}

/* ---- dumps ---- */

static bool fetch(struct hmp_call *c, bool physical, uint64_t addr, void *buf, size_t len)
{
    const void *p = physical ? mem_read_ptr(addr, len) : NULL;
    if (p)
        memcpy(buf, p, len);
    return physical ? p != NULL : mmu_peek(hmp_vcpu(c), addr, buf, len);
}

static void disassemble(struct hmp_call *c, bool physical, uint64_t addr, unsigned count)
{
    unsigned len = monitor.guest->insn_align;
    for (unsigned i = 0; i < count && i < MAX_BYTES / 16; i++, addr += len) {
        uint32_t code = 0;
        char text[128];
        if (!fetch(c, physical, addr, &code, sizeof code)) {
            hmp_error(c, "0x%08" PRIx64 ": Cannot access memory", addr);
            return;
        }
        monitor.guest->disas((const uint8_t *)&code, addr, text, sizeof text);
        text_printf(c->out, "0x%08" PRIx64 ":  %08x  %s\n", addr, code, text);
    }
}

static void lines(struct hmp_call *c, bool physical, uint64_t addr, const struct format *f)
{
    size_t left = (size_t)f->count * f->unit;
    struct format one = *f;
    if (one.letter == 'c')
        one.unit = 1;                            /* a wider unit: all its bytes, one by one */
    size_t line = one.unit == 1 ? 8 : 16;
    for (left = MIN(left, (size_t)MAX_BYTES); left;) {
        uint8_t buf[16];
        size_t n = MIN(left, line);
        text_printf(c->out, "%016" PRIx64 ":", addr);
        if (!fetch(c, physical, addr, buf, n)) {
            text_printf(c->out, " Cannot access memory\n");
            return;
        }
        for (size_t i = 0; i < n; i += one.unit) {
            uint64_t v = 0;
            memcpy(&v, buf + i, one.unit);
            print_value(c->out, &one, v);
        }
        text_add(c->out, "\n", 1);
        addr += n;
        left -= n;
    }
}

static void dump(struct hmp_call *c, bool physical)
{
    struct format f = { .count = 1, .unit = c->h->unit, .letter = c->h->format };
    uint64_t addr;
    run_hold();
    if (parse_format(c, &f) && evaluate(c, c->args, &addr)) {
        if (f.letter == 'i') {
            disassemble(c, physical, addr, f.count);
        } else {
            c->h->unit = f.unit;
            c->h->format = f.letter;
            lines(c, physical, addr, &f);
        }
    }
    run_release();
}

void hmp_x(struct hmp_call *c) { dump(c, false); }
void hmp_xp(struct hmp_call *c) { dump(c, true); }

void hmp_print(struct hmp_call *c)
{
    struct format f = { .count = 1, .unit = 8, .letter = 'x' };
    uint64_t v;
    run_hold();
    if (parse_format(c, &f) && evaluate(c, c->args, &v)) {
        switch (f.letter) {
        case 'o': text_printf(c->out, "%#" PRIo64 "\n", v); break;
        case 'u': text_printf(c->out, "%" PRIu64 "\n", v); break;
        case 'd': text_printf(c->out, "%" PRId64 "\n", (int64_t)v); break;
        case 'c':
            print_char(c->out, (uint8_t)v);
            text_add(c->out, "\n", 1);
            break;
        default: text_printf(c->out, "%#" PRIx64 "\n", v); break;
        }
    }
    run_release();
}

void hmp_gva2gpa(struct hmp_call *c)
{
    uint64_t va;
    struct walk w;
    run_hold();
    if (evaluate(c, c->args, &va)) {
        if (monitor.guest->walk(hmp_vcpu(c), va, ACC_READ, VIEW_KERNEL, &w) == WALK_OK)
            text_printf(c->out, "gpa: %#" PRIx64 "\n", w.gpa);
        else
            text_printf(c->out, "Unmapped\n");
    }
    run_release();
}

/* ---- the guest's page tables ---- */

#define MAX_WALKS (1u << 21)                     /* tables that refer to themselves have no end */
#define MAX_LINES 20000u

struct mapping {
    uint64_t va, gpa, len;
    uint8_t perms;
    bool device;
};

static void print_mapping(struct text *out, const struct mapping *m, bool physical)
{
    text_printf(out, "%016" PRIx64 "-%016" PRIx64 " %016" PRIx64, m->va, m->va + m->len - 1, m->len);
    if (physical)
        text_printf(out, " %016" PRIx64, m->gpa);
    text_printf(out, " user:%c%c%c kernel:%c%c%c%s\n", m->perms & PERM_R(VIEW_USER) ? 'r' : '-', m->perms & PERM_W(VIEW_USER) ? 'w' : '-',
                m->perms & PERM_XU ? 'x' : '-', m->perms & PERM_R(VIEW_KERNEL) ? 'r' : '-', m->perms & PERM_W(VIEW_KERNEL) ? 'w' : '-',
                m->perms & PERM_XK ? 'x' : '-', m->device ? " device" : "");
}

static bool joins(const struct mapping *m, const struct walk *w, uint64_t va, bool physical)
{
    return m->len && m->va + m->len == va && m->perms == w->perms && m->device == w->device && (!physical || m->gpa + m->len == w->gpa);
}

/* One line a run of equal rights; PHYSICAL: and of contiguous physical addresses. */
static void print_half(struct hmp_call *c, struct vcpu *v, unsigned half, bool physical)
{
    struct mapping m = { 0 };
    unsigned walks = 0, n = 0;
    uint64_t va = half ? 0xffff000000000000ull : 0, end = half ? 0 : 1ull << 48;
    if (monitor.guest->space(v, half).root == ~0ull) {
        text_printf(c->out, "address translation is off\n");
        return;
    }
    do {
        struct walk w = { 0 };
        bool ok = monitor.guest->walk(v, va, ACC_READ, VIEW_KERNEL, &w) == WALK_OK;
        unsigned shift = w.shift ? w.shift : REGION_SHIFT;
        uint64_t size = 1ull << shift;
        va = ALIGN_DOWN(va, size);
        if (ok)
            w.gpa = ALIGN_DOWN(w.gpa, size);
        if (m.len && !(ok && joins(&m, &w, va, physical))) {
            print_mapping(c->out, &m, physical);
            m.len = 0;
            n++;
        }
        if (ok && !m.len)
            m = (struct mapping){ va, w.gpa, 0, w.perms, w.device };
        if (ok)
            m.len += size;
        va += size;
        walks++;
    } while (va != end && walks < MAX_WALKS && n < MAX_LINES);
    if (m.len)
        print_mapping(c->out, &m, physical);
    if (va != end)
        text_printf(c->out, "... and more\n");
}

static void print_tables(struct hmp_call *c, bool physical)
{
    run_hold();
    struct vcpu *v = hmp_vcpu(c);
    print_half(c, v, 0, physical);
    if (monitor.guest->space(v, 1).root != ~0ull)
        print_half(c, v, 1, physical);
    run_release();
}

void hmp_info_mem(struct hmp_call *c) { print_tables(c, false); }
void hmp_info_tlb(struct hmp_call *c) { print_tables(c, true); }
