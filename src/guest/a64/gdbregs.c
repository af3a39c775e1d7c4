/*
 * gdbregs.c - guest_ops.debug: the registers that a debugger sees, and their target description.
 *
 * Owns the numbering: core, FP and Advanced SIMD as GDB's own features (GDB manual, G.5.1), then every system register of the table
 * that is plain state. Must not touch chips: registers of GIC and timer are not shown.
 */
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/a64/simd.h"
#include "guest/a64/sysreg.h"

enum { REG_SP = 31, REG_PC, REG_CPSR, REG_V0, REG_FPSR = REG_V0 + 32, REG_FPCR, REG_SYS };

static bool shown(const struct a64_cpu *c, const struct a64_sysreg *r)
{
    switch ((enum way)r->rd.way) {
    case WAY_FIELD: case WAY_BIT: case WAY_ID: case WAY_CONST: case WAY_CURRENTEL: case WAY_PFR0: break;
    default: return false;
    }
    return !(r->feature && !r->feature(c)) && r->enc != A64_SYSREG(3, 0, 4, 2, 3) /* PAN, UAO, DIT, SSBS: in cpsr */;
}

/* The register numbered REG_SYS + n: shown ones are counted. */
static const struct a64_sysreg *sysreg(const struct a64_cpu *c, unsigned n)
{
    for (unsigned i = 0; i < a64_sysregs_count; i++)
        if (shown(c, &a64_sysregs[i]) && n-- == 0)
            return &a64_sysregs[i];
    return NULL;
}

static uint64_t read_sys(const struct a64_cpu *c, const struct a64_sysreg *r)
{
    const char *field = (const char *)c + r->rd.off;
    switch ((enum way)r->rd.way) {
    case WAY_FIELD:
        if (r->enc == A64_SYSREG(3, 0, 4, 1, 0) && !c->sp_in_use)
            return c->v.r[31];                    /* SP_EL0, in use */
        return r->rd.size == 8 ? *(const uint64_t *)field : *(const uint32_t *)field;
    case WAY_BIT: return (uint64_t)*(const uint8_t *)field << r->rd.shift;
    case WAY_ID: return *(const uint64_t *)((const char *)c->id + r->rd.off);
    case WAY_PFR0: return c->id->aa64pfr0 | (c->gic ? 1ull << 24 : 0);
    case WAY_CURRENTEL: return (uint64_t)c->el << 2;
    default: return r->rd.mask;
    }
}

static bool write_sys(struct a64_cpu *c, const struct a64_sysreg *r, uint64_t value)
{
    static const struct ir_helper *const safe[] = { a64_sr_wr_sctlr, a64_sr_wr_tcr, a64_sr_wr_ttbr0, a64_sr_wr_ttbr1, a64_sr_wr_mair,
                                                    a64_sr_wr_cpacr, a64_sr_wr_mdscr, a64_sr_wr_dbgreg };
    char *field = (char *)c + r->wr.off;
    if (r->wr.way == WAY_FIELD) {
        value &= r->wr.mask;
        if (r->enc == A64_SYSREG(3, 0, 4, 1, 0) && !c->sp_in_use)
            c->v.r[31] = value;
        else
            memcpy(field, &value, r->wr.size);
        return true;
    }
    for (unsigned i = 0; i < ARRAY_LEN(safe); i++) {
        if (r->wr.call == safe[i] && (r->wr.way == WAY_CALL || r->wr.way == WAY_CALL_DISPATCH)) {
            safe[i][1].fn(&c->v, value, r->enc, 0);
            return true;
        }
    }
    return false;
}

static void write_cpsr(struct a64_cpu *c, uint32_t p)
{
    c->v.nzcv = nzcv_from_arm(p);
    c->daif = p & 0x3c0;
    if ((p & 0x1f) == 0 || (p & 0x1f) == 4 || (p & 0x1f) == 5) {
        c->el = (p & 4) != 0;
        c->spsel = p & 1;
        a64_mode_changed(c);
    }
}

static unsigned reg_read(const struct vcpu *v, unsigned reg, uint8_t buf[16])
{
    const struct a64_cpu *c = a64c(v);
    uint64_t x;
    unsigned size = 8;
    if (reg <= REG_SP) {
        x = v->r[reg];
    } else if (reg == REG_PC) {
        x = vcpu_pc(v);
    } else if (reg == REG_CPSR) {
        x = a64_pstate(c);
        size = 4;
    } else if (reg < REG_FPSR) {
        memcpy(buf, &v->v[reg - REG_V0], 16);
        return 16;
    } else if (reg == REG_FPSR || reg == REG_FPCR) {
        struct vcpu *w = (struct vcpu *)v;
        feclearexcept(FE_ALL_EXCEPT);             /* this thread's own flags are nobody's */
        x = reg == REG_FPSR ? a64_read_fpsr(w) : a64_read_fpcr(w);
        size = 4;
    } else {
        const struct a64_sysreg *r = sysreg(c, reg - REG_SYS);
        if (!r)
            return 0;
        x = read_sys(c, r);
    }
    memcpy(buf, &x, size);
    return size;
}

static unsigned reg_write(struct vcpu *v, unsigned reg, const uint8_t *buf, size_t len)
{
    struct a64_cpu *c = a64(v);
    unsigned size = reg == REG_CPSR || reg == REG_FPSR || reg == REG_FPCR ? 4 : reg >= REG_V0 && reg < REG_FPSR ? 16 : 8;
    uint64_t x = 0;
    if (len < size)
        return 0;
    memcpy(&x, buf, MIN(size, 8u));
    if (reg <= REG_SP) {
        v->r[reg] = x;
    } else if (reg == REG_PC) {
        vcpu_set_pc(v, x);
    } else if (reg == REG_CPSR) {
        write_cpsr(c, (uint32_t)x);
    } else if (reg < REG_FPSR) {
        memcpy(&v->v[reg - REG_V0], buf, 16);
    } else if (reg == REG_FPSR) {
        a64_write_fpsr(v, x);
    } else if (reg == REG_FPCR) {
        a64_write_fpcr(v, x);
    } else {
        const struct a64_sysreg *r = sysreg(c, reg - REG_SYS);
        if (!r || !write_sys(c, r, x))
            return 0;
    }
    return size;
}

/* ---- descriptions ---- */

static const char xml_target[] =
    "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\"><architecture>aarch64</architecture>"
    "<xi:include href=\"aarch64-core.xml\"/><xi:include href=\"aarch64-fpu.xml\"/><xi:include href=\"system-registers.xml\"/></target>";

static void core_xml(FILE *f)
{
    fputs("<feature name=\"org.gnu.gdb.aarch64.core\">", f);
    for (unsigned n = 0; n < 31; n++)
        fprintf(f, "<reg name=\"x%u\" bitsize=\"64\"/>", n);
    fputs("<reg name=\"sp\" bitsize=\"64\" type=\"data_ptr\"/><reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\"/>"
          "<flags id=\"cpsr_flags\" size=\"4\"><field name=\"SP\" start=\"0\" end=\"0\"/><field name=\"EL\" start=\"2\" end=\"3\"/>"
          "<field name=\"F\" start=\"6\" end=\"6\"/><field name=\"I\" start=\"7\" end=\"7\"/><field name=\"A\" start=\"8\" end=\"8\"/>"
          "<field name=\"D\" start=\"9\" end=\"9\"/><field name=\"IL\" start=\"20\" end=\"20\"/><field name=\"SS\" start=\"21\" end=\"21\"/>"
          "<field name=\"PAN\" start=\"22\" end=\"22\"/><field name=\"UAO\" start=\"23\" end=\"23\"/>"
          "<field name=\"V\" start=\"28\" end=\"28\"/><field name=\"C\" start=\"29\" end=\"29\"/><field name=\"Z\" start=\"30\" end=\"30\"/>"
          "<field name=\"N\" start=\"31\" end=\"31\"/></flags><reg name=\"cpsr\" bitsize=\"32\" type=\"cpsr_flags\"/></feature>", f);
}

static void fpu_xml(FILE *f)
{
    static const struct { const char *id, *type; unsigned count; } vec[] = {
        { "v2d", "ieee_double", 2 }, { "v2u", "uint64", 2 }, { "v4f", "ieee_single", 4 }, { "v4u", "uint32", 4 },
        { "v8u", "uint16", 8 }, { "v16u", "uint8", 16 },
    };
    fputs("<feature name=\"org.gnu.gdb.aarch64.fpu\">", f);
    for (unsigned i = 0; i < ARRAY_LEN(vec); i++)
        fprintf(f, "<vector id=\"%s\" type=\"%s\" count=\"%u\"/>", vec[i].id, vec[i].type, vec[i].count);
    fputs("<union id=\"vnd\"><field name=\"f\" type=\"v2d\"/><field name=\"u\" type=\"v2u\"/></union>"
          "<union id=\"vns\"><field name=\"f\" type=\"v4f\"/><field name=\"u\" type=\"v4u\"/></union>"
          "<union id=\"vnh\"><field name=\"u\" type=\"v8u\"/></union><union id=\"vnb\"><field name=\"u\" type=\"v16u\"/></union>"
          "<union id=\"vnq\"><field name=\"u\" type=\"uint128\"/></union><union id=\"aarch64v\"><field name=\"d\" type=\"vnd\"/>"
          "<field name=\"s\" type=\"vns\"/><field name=\"h\" type=\"vnh\"/><field name=\"b\" type=\"vnb\"/><field name=\"q\" type=\"vnq\"/></union>", f);
    for (unsigned n = 0; n < 32; n++)
        fprintf(f, "<reg name=\"v%u\" bitsize=\"128\" type=\"aarch64v\"/>", n);
    fputs("<reg name=\"fpsr\" bitsize=\"32\"/><reg name=\"fpcr\" bitsize=\"32\"/></feature>", f);
}

static void system_xml(const struct a64_cpu *c, FILE *f)
{
    fputs("<feature name=\"org.gnomon.gdb.aarch64.system\">", f);
    const struct a64_sysreg *r;
    for (unsigned n = 0; (r = sysreg(c, n)); n++)
        fprintf(f, "<reg name=\"%s\" bitsize=\"64\" regnum=\"%u\" group=\"system\"/>", r->name, REG_SYS + n);
    fputs("</feature>", f);
}

static char *xml(const struct vcpu *v, const char *name)
{
    char *text = NULL;
    size_t len;
    if (!strcmp(name, "target.xml"))
        return strdup(xml_target);
    FILE *f = open_memstream(&text, &len);
    if (!f)
        return NULL;
    bool known = true;
    fputs("<?xml version=\"1.0\"?><!DOCTYPE feature SYSTEM \"gdb-target.dtd\">", f);
    if (!strcmp(name, "aarch64-core.xml"))
        core_xml(f);
    else if (!strcmp(name, "aarch64-fpu.xml"))
        fpu_xml(f);
    else if (!strcmp(name, "system-registers.xml"))
        system_xml(a64c(v), f);
    else
        known = false;
    fclose(f);
    if (!known) {
        free(text);
        text = NULL;
    }
    return text;
}

const struct guest_debug a64_guest_debug = { .n_general = REG_SYS, .xml = xml, .read = reg_read, .write = reg_write };
