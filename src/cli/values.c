/*
 * values.c - the arguments of -machine, -cpu, -m, -smp and -accel.
 *
 * Owns the tables of their properties. Must not know how the machine is built.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board/virt.h"
#include "cli/options.h"

#define fail(...) xasprintf(__VA_ARGS__)

/* ---- -machine ---- */

/* What a property does. Those for hardware that the board does not have are accepted as off, and said aloud as on. */
enum machine_prop_kind { MP_OTHER, MP_ABSENT, MP_IGNORED };

static const struct machine_prop {
    const char *name;
    enum machine_prop_kind kind;
    const char *help;
} machine_props[] = {
    { "gic-version", MP_OTHER, "2 (default), 3 or max" },
    { "dumpdtb", MP_OTHER, "write the device tree to this file and exit" },
    { "dtb-randomness", MP_OTHER, "off: no seeds in the device tree, for reproducible runs" },
    { "dtb-kaslr-seed", MP_OTHER, "the older name of dtb-randomness" },
    { "accel", MP_OTHER, "as -accel" },
    { "kernel", MP_OTHER, "as -kernel" },
    { "initrd", MP_OTHER, "as -initrd" },
    { "append", MP_OTHER, "as -append" },
    { "dtb", MP_OTHER, "as -dtb" },
    { "type", MP_OTHER, NULL },
    { "pflash0", MP_OTHER, "node of -blockdev: image of the first flash bank (firmware)" },
    { "pflash1", MP_OTHER, "and of the second (variables)" },
    { "memory-backend", MP_OTHER, "id of an -object memory-backend-*" },
    { "virtualization", MP_ABSENT, "EL2 is not emulated, the guest starts at EL1" },
    { "secure", MP_ABSENT, "EL3 is not emulated, the guest starts at EL1" },
    { "mte", MP_ABSENT, "memory tagging is not emulated" },
    { "its", MP_IGNORED, NULL },
    { "ras", MP_ABSENT, "no error records are emulated" },
    { "usb", MP_ABSENT, "no USB controller is emulated" },
    { "acpi", MP_IGNORED, "accepted: there are no ACPI tables" },
    { "highmem", MP_OTHER, "off: nothing above 4 GiB" },
    { "highmem-ecam", MP_IGNORED, NULL },
    { "highmem-mmio", MP_IGNORED, NULL },
    { "highmem-redists", MP_IGNORED, NULL },
    { "compact-highmem", MP_IGNORED, NULL },
    { "default-bus-bypass-iommu", MP_IGNORED, NULL },
    { "graphics", MP_IGNORED, NULL },
    { "mem-merge", MP_IGNORED, NULL },
    { "dump-guest-core", MP_IGNORED, NULL },
    { "suppress-vmdesc", MP_IGNORED, NULL },
};

static bool machine_name(const char *s)
{
    /* Versioned names (virt-7.2) differ in details that Linux does not see. */
    if (strncmp(s, "virt", 4))
        return false;
    s += 4;
    if (!*s)
        return true;
    unsigned major, minor;
    int end = -1;
    return sscanf(s, "-%u.%u%n", &major, &minor, &end) == 2 && end > 0 && !s[end];
}

static char *machine_prop(struct options *o, const struct machine_prop *p, const char *v)
{
    bool on;
    if (p->kind != MP_OTHER) {
        if (!parse_bool(v, &on) && strcmp(v, "auto"))
            return fail("%s=%s: want on or off", p->name, v);
        if (p->kind == MP_ABSENT && parse_bool(v, &on) && on)
            warn("-machine %s=on: %s", p->name, p->help);
        return NULL;
    }
    if (!strcmp(p->name, "type")) {
        if (!machine_name(v))
            return fail("unknown machine '%s' (-machine help lists them)", v);
    } else if (!strcmp(p->name, "gic-version")) {
        if (!strcmp(v, "2"))
            o->gic_version = 2;
        else if (!strcmp(v, "3") || !strcmp(v, "max"))
            o->gic_version = 3;
        else
            return fail("gic-version=%s: want 2, 3 or max", v);
    } else if (!strncmp(p->name, "dtb-", 4)) {
        if (!parse_bool(v, &o->dtb_randomness))
            return fail("%s=%s: want on or off", p->name, v);
    } else if (!strcmp(p->name, "highmem")) {
        if (!parse_bool(v, &on))
            return fail("highmem=%s: want on or off", v);
        o->highmem_off = !on;
    } else if (!strncmp(p->name, "pflash", 6)) {
        const char **image = &o->pflash[p->name[6] - '0'];
        if (*image && strcmp(*image, v))
            return fail("%s=%s: there is an image for this flash bank already", p->name, v);
        *image = v;
    } else if (!strcmp(p->name, "memory-backend")) {
        o->memdev = v;
    } else if (!strcmp(p->name, "accel")) {
        return opt_accel_list(o, v);
    } else {
        const char **field = !strcmp(p->name, "dumpdtb") ? &o->dumpdtb : !strcmp(p->name, "kernel") ? &o->kernel :
                             !strcmp(p->name, "initrd") ? &o->initrd : !strcmp(p->name, "append") ? &o->append : &o->dtb;
        *field = v;
    }
    return NULL;
}

char *opt_machine(struct options *o, const char *arg)
{
    if (opt_is_help(arg)) {
        o->info = INFO_MACHINES;
        return NULL;
    }
    struct keyvals k;
    /* A repeated -machine adds to the first: then its first piece may be a property. */
    const char *err = keyvals_parse(&k, arg, "type");
    if (err)
        return fail("%s", err);
    for (unsigned i = 0; i < k.n; i++) {
        const struct machine_prop *p = NULL;
        for (unsigned n = 0; n < ARRAY_LEN(machine_props); n++)
            if (!strcmp(machine_props[n].name, k.kv[i].key))
                p = &machine_props[n];
        if (!p && strcmp(k.kv[i].key, "iommu"))
            return fail("the machine has no property '%s'", k.kv[i].key);
        if (!p) {
            if (strcmp(k.kv[i].value, "none"))
                return fail("iommu=%s: only none", k.kv[i].value);
            continue;
        }
        char *e = machine_prop(o, p, k.kv[i].value);
        if (e)
            return e;
    }
    return NULL;
}

void opt_print_machines(void)
{
    printf("Supported machines are:\n%-20s %s\nProperties:\n", "virt", "QEMU " OPT_QEMU_VERSION " ARM Virtual Machine (also by versioned names, virt-9.2)");
    for (unsigned n = 0; n < ARRAY_LEN(machine_props); n++)
        if (machine_props[n].help)
            printf("  %-16s %s\n", machine_props[n].name, machine_props[n].help);
}

/* ---- -cpu ---- */

static const struct { const char *name; enum a64_model model; } cpus[] = {
    { "cortex-a53", A64_CORTEX_A53 },
    { "cortex-a57", A64_CORTEX_A57 },
    { "cortex-a72", A64_CORTEX_A72 },
    { "max", A64_MAX },
};

/* CPU properties of QEMU. absent: a feature that no model has, so that asking for it deserves a word. */
static const struct { const char *name; bool absent; } cpu_props[] = {
    { "aarch64", false }, { "pmu", false }, { "has_el2", false }, { "has_el3", false }, { "cfgend", false },
    { "reset-hivecs", false }, { "start-powered-off", false }, { "pauth", true }, { "pauth-impdef", false },
    { "pauth-qarma3", false }, { "pauth-qarma5", false }, { "lpa2", true }, { "sve", true }, { "sme", true },
    { "sme_fa64", true }, { "backcompat-cntfrq", false }, { "x-rme", true },
};

static bool is_vector_length(const char *key)
{
    /* sve128, sve256, ..., sme512: which lengths SVE would have. */
    if (strncmp(key, "sve", 3) && strncmp(key, "sme", 3))
        return false;
    uint64_t v;
    return parse_uint(key + 3, &v) && v % 128 == 0 && v > 0 && v <= 2048;
}

char *opt_cpu(struct options *o, const char *arg)
{
    if (opt_is_help(arg)) {
        o->info = INFO_CPUS;
        return NULL;
    }
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "model");
    if (err)
        return fail("%s", err);
    const char *name = k.n && !strcmp(k.kv[0].key, "model") ? k.kv[0].value : "";
    unsigned c;
    for (c = 0; c < ARRAY_LEN(cpus); c++)
        if (!strcmp(cpus[c].name, name))
            break;
    if (c == ARRAY_LEN(cpus))
        return fail("unknown CPU model '%s' (-cpu help lists them)", name);
    for (unsigned i = 1; i < k.n; i++) {
        const char *key = k.kv[i].key;
        bool on, known = is_vector_length(key), absent = false;
        for (unsigned n = 0; n < ARRAY_LEN(cpu_props); n++)
            if (!strcmp(cpu_props[n].name, key))
                known = true, absent = cpu_props[n].absent;
        if (!known)
            return fail("the CPU has no property '%s'", key);
        if (!parse_bool(k.kv[i].value, &on))
            return fail("%s=%s: want on or off", key, k.kv[i].value);
        if (!strcmp(key, "aarch64") && !on)
            return fail("aarch64=off: there is no 32-bit guest yet");
        if (absent && on)
            warn("-cpu %s,%s=on: not emulated, goes on without", name, key);
    }
    o->model = cpus[c].model;
    o->cpu_name = cpus[c].name;
    return NULL;
}

void opt_print_cpus(void)
{
    printf("Available CPUs:\n");
    for (unsigned i = 0; i < ARRAY_LEN(cpus); i++)
        printf("  %s\n", cpus[i].name);
}

/* ---- -m, -smp ---- */

char *opt_mem(struct options *o, const char *arg)
{
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "size");
    if (err)
        return fail("%s", err);
    for (unsigned i = 0; i < k.n; i++) {
        if (!strcmp(k.kv[i].key, "slots") || !strcmp(k.kv[i].key, "maxmem"))
            continue;                            /* room for hot-plug: there is none */
        if (strcmp(k.kv[i].key, "size"))
            return fail("there is no property '%s'", k.kv[i].key);
        uint64_t v;
        if (!parse_size(k.kv[i].value, 1ull << 20, &v) || !v || v > UINT64_MAX - 4096)
            return fail("'%s' is not a size", k.kv[i].value);
        o->ram_size = ALIGN_UP(v, 4096);
        o->ram_given = true;
    }
    return NULL;
}

char *opt_smp(struct options *o, const char *arg)
{
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "cpus");
    if (err)
        return fail("%s", err);
    static const char *const levels[] = { "sockets", "dies", "clusters", "cores", "threads", "drawers", "books", "modules" };
    enum { SOCKETS, DIES, CLUSTERS, CORES, THREADS };
    uint64_t cpus = 0, max = 0, product = 1, shape[ARRAY_LEN(levels)] = { 0 };
    bool shaped = false;
    for (unsigned i = 0; i < k.n; i++) {
        uint64_t v;
        if (!parse_uint(k.kv[i].value, &v) || !v || v > 512)
            return fail("%s=%s: want a number from 1", k.kv[i].key, k.kv[i].value);
        bool level = false;
        for (unsigned n = 0; n < ARRAY_LEN(levels); n++)
            if (!strcmp(levels[n], k.kv[i].key)) {
                level = true;
                shape[n] = v;
            }
        if (!strcmp(k.kv[i].key, "cpus"))
            cpus = v;
        else if (level)
            product *= v, shaped = true;
        else if (!strcmp(k.kv[i].key, "maxcpus"))
            max = v;
        else
            return fail("there is no property '%s'", k.kv[i].key);
        if (product > 512)
            return fail("too many CPUs");
    }
    if (!cpus)
        cpus = max ? max : product;
    if (!max)
        max = shaped && product > cpus ? product : cpus;
    if (cpus > max)
        return fail("%llu CPUs are more than maxcpus=%llu", (unsigned long long)cpus, (unsigned long long)max);
    if (shaped && max % product)
        return fail("the topology has %llu CPUs, maxcpus is %llu", (unsigned long long)product, (unsigned long long)max);
    if (cpus > VIRT_MAX_CPUS)
        return fail("at most %d CPUs", VIRT_MAX_CPUS);
    o->smp = (unsigned)cpus;
    /* What is not given: one of each, and as many cores as there must be. */
    o->clusters = (unsigned)MAX(shape[CLUSTERS], 1u);
    o->threads = (unsigned)MAX(shape[THREADS], 1u);
    o->cores = (unsigned)(shape[CORES] ? shape[CORES] : max / product);
    return NULL;
}

/* ---- -accel ---- */

static char *want(const struct keyval *kv, const char *what)
{
    return fail("%s=%s: want %s", kv->key, kv->value, what);
}

/* Properties with a choice of words; the value is the word's index. The orders are those of src/mmu's and src/host's enums. */
static const struct choice {
    const char *name;
    size_t at;
    const char *words[5], *want;
} accel_choices[] = {
    { "paging", offsetof(struct options, paging), { "auto", "shadow", "softtlb" }, "auto, shadow or softtlb" },
    { "sync", offsetof(struct options, sync), { "auto", "tlb", "drop", "wp" }, "auto, tlb, drop or wp" },
    { "spt-org", offsetof(struct options, spt_org), { "private", "group", "shared" }, "private, group or shared" },
    { "host-isa", offsetof(struct options, host_isa), { "native", "v2", "v3" }, "native, v2 or v3" },
};

const char *opt_choice(const char *prop, unsigned i)
{
    for (unsigned n = 0; n < ARRAY_LEN(accel_choices); n++)
        if (!strcmp(accel_choices[n].name, prop))
            return accel_choices[n].words[i];
    bug("no accelerator property '%s'", prop);
}

static char *accel_choice(struct options *o, const struct choice *ch, const struct keyval *kv)
{
    for (unsigned i = 0; i < ARRAY_LEN(ch->words) && ch->words[i]; i++) {
        if (!strcmp(ch->words[i], kv->value)) {
            *(unsigned *)((char *)o + ch->at) = i;
            return NULL;
        }
    }
    return want(kv, ch->want);
}

static char *accel_prop(struct options *o, const struct keyval *kv)
{
    static const struct { const char *name; size_t at; } flags[] = {
        { "jit", offsetof(struct options, jit) },
        { "verify", offsetof(struct options, verify) },
        { "perf-map", offsetof(struct options, perf_map) },
        { "check-ir", offsetof(struct options, check_ir) },
    };
    static const struct { const char *name; size_t at; uint64_t max; const char *want; } counts[] = {
        { "windows", offsetof(struct options, windows), UINT32_MAX, "a number" },
        { "max-vmas", offsetof(struct options, max_vmas), UINT32_MAX, "a number" },
        { "spt-windows", offsetof(struct options, spt_windows), 1024, "0 to 1024" },
        { "spt-prefill", offsetof(struct options, spt_prefill), 4096, "0 to 4096" },
    };
    for (unsigned i = 0; i < ARRAY_LEN(flags); i++)
        if (!strcmp(flags[i].name, kv->key))
            return parse_bool(kv->value, (bool *)((char *)o + flags[i].at)) ? NULL : want(kv, "on or off");
    for (unsigned i = 0; i < ARRAY_LEN(counts); i++) {
        uint64_t v;
        if (!strcmp(counts[i].name, kv->key)) {
            if (!parse_uint(kv->value, &v) || v > counts[i].max)
                return want(kv, counts[i].want);
            *(unsigned *)((char *)o + counts[i].at) = (unsigned)v;
            return NULL;
        }
    }
    for (unsigned i = 0; i < ARRAY_LEN(accel_choices); i++)
        if (!strcmp(accel_choices[i].name, kv->key))
            return accel_choice(o, &accel_choices[i], kv);
    if (!strcmp(kv->key, "code-size") || !strcmp(kv->key, "tb-size")) {
        if (!parse_size(kv->value, 1ull << 20, &o->code_size) || o->code_size < (4ull << 20) || o->code_size > (2047ull << 20))
            return want(kv, "4M to 2047M");
        return NULL;
    }
    if (!strcmp(kv->key, "thread"))              /* tcg's: one thread a vCPU is all there is */
        return strcmp(kv->value, "single") && strcmp(kv->value, "multi") ? want(kv, "single or multi") : NULL;
    bool ignored;
    if (!strcmp(kv->key, "split-wx") || !strcmp(kv->key, "one-insn-per-tb"))
        return parse_bool(kv->value, &ignored) ? NULL : want(kv, "on or off");
    return fail("the accelerator has no property '%s'", kv->key);
}

/* tcg is QEMU's name for what gnomon does: emulation. */
static bool accel_name(const char *s)
{
    return !strcmp(s, "gnomon") || !strcmp(s, "tcg");
}

char *opt_accel_list(struct options *o, const char *arg)
{
    char *list = xasprintf("%s", arg);
    for (char *p = list, *next; p; p = next) {
        next = strchr(p, ':');
        if (next)
            *next++ = '\0';
        if (accel_name(p))
            return NULL;
    }
    return fail("accelerator '%s' is not available (gnomon is)", arg);
}

char *opt_accel(struct options *o, const char *arg)
{
    if (opt_is_help(arg)) {
        o->info = INFO_ACCELS;
        return NULL;
    }
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "accel");
    if (err)
        return fail("%s", err);
    const char *name = k.n && !strcmp(k.kv[0].key, "accel") ? k.kv[0].value : "";
    if (!accel_name(name))
        return fail("accelerator '%s' is not available (gnomon is)", name);
    for (unsigned i = 1; i < k.n; i++) {
        char *e = accel_prop(o, &k.kv[i]);
        if (e)
            return e;
    }
    return NULL;
}

void opt_print_accels(void)
{
    printf("Accelerators supported:\ngnomon\ntcg\n"
           "Properties of gnomon (tcg is another name for it):\n"
           "  jit=on|off              off: the interpreter of the intermediate code\n"
           "  paging=auto|shadow|softtlb   guest memory through windows, through the software TLB, or by what pays for each space\n"
           "  sync=auto|tlb|drop|wp   at the guest's TLB maintenance compare windows with its tables; drop what it names;\n"
           "                          wp: write-protect its tables, follow each write; auto: tlb, wp for what hardly changes\n"
           "  spt-org=private|group|shared   windows for each user address space; for N of them (spt-windows=N); for one\n"
           "  spt-windows=N           window sets of spt-org=group [16]\n"
           "  spt-prefill=N           entries installed again when a set changes hands (group, shared)\n"
           "  verify=on|off           check every access against a walk of the guest's tables\n"
           "  windows=N               windows at most (0: as many as fit)\n"
           "  max-vmas=N              host mappings that windows may use (0: by vm.max_map_count)\n"
           "  code-size=SIZE          room for translated code, MiB without a suffix\n"
           "  host-isa=native|v2|v3   use only this level of x86-64 (v2: SSE4.2, v3: AVX2, FMA, BMI)\n"
           "  perf-map=on|off         write /tmp/perf-PID.map\n"
           "  check-ir=on|off         run the verifier of the intermediate code on every block\n");
}
