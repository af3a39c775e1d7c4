/*
 * decode_test.c - the instruction tables: every *.decode loads, the generated decoders agree with a plain search of
 * the table, and known encodings have the expected names and fields.
 *
 * Arguments: the JSON tables. The generated decoders are linked with trans_ functions that only note what they got.
 */
#ifdef DECODE_BASE
#include "a64_base_probe.h"
#endif
#ifdef DECODE_SIMD
#include "a64_simd_probe.h"
#endif
#ifdef DECODE_SYS
#include "a64_sys_probe.h"
#endif

#include "base/base.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static unsigned passed, failed;

static void check(bool ok, const char *what, uint32_t insn)
{
    if (ok) {
        passed++;
        return;
    }
    failed++;
    printf("FAIL %s %08x\n", what, insn);
}

/* ---- known encodings (words as the GNU assembler makes them) ---- */

struct known {
    uint32_t insn;
    const char *name;                            /* NULL: no base instruction */
    const char *fields;                          /* "name=value ..."; those not named are not looked at */
};
static const struct known known[] = {
#include "decode_known.h"
};

static const struct decode_probe_field *field(const struct a64_tr *tr, const char *name, size_t len)
{
    for (unsigned i = 0; i < tr->fields; i++)
        if (strlen(tr->field[i].name) == len && !strncmp(tr->field[i].name, name, len))
            return &tr->field[i];
    return NULL;
}

static void check_known(const struct known *k)
{
    struct a64_tr tr = {0};
    bool found = a64_decode_base(&tr, k->insn);

    if (!k->name) {
        check(!found, "not to be decoded", k->insn);
        return;
    }
    if (!found || strcmp(tr.name, k->name)) {
        printf("  got %s\n", found ? tr.name : "nothing");
        check(false, k->name, k->insn);
        return;
    }
    for (const char *p = k->fields; *p;) {
        const char *eq = strchr(p, '=');
        char *end;
        long long v = strtoll(eq + 1, &end, 0);
        const struct decode_probe_field *f = field(&tr, p, (size_t)(eq - p));

        if (!f || f->value != v) {
            printf("  %s: %s, got %lld\n", k->name, p, f ? (long long)f->value : -1);
            check(false, k->name, k->insn);
            return;
        }
        p = end + (*end == ' ');
    }
    check(true, k->name, k->insn);
}

/* ---- against a search of the table ---- */

struct row {
    const char *name;
    uint32_t mask, value;
    bool fallback;
    const json_t *fields;
};

/* First row that matches, fallbacks last; NULL: none. */
static const struct row *search(const struct row *rows, size_t n, uint32_t insn)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++)
            if (rows[i].fallback == (pass == 1) && (insn & rows[i].mask) == rows[i].value)
                return &rows[i];
    return NULL;
}

static int64_t extract(const json_t *f, uint32_t insn)
{
    const json_t *parts = json_object_get(f, "parts");
    uint64_t v = 0;
    unsigned total = 0;

    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i);
        unsigned len = (unsigned)json_integer_value(json_object_get(part, "len"));

        v = v << len | bits(insn, (unsigned)json_integer_value(json_object_get(part, "lo")), len);
        total += len;
    }
    return json_is_true(json_object_get(f, "signed")) ? sextract(v, 0, total) : (int64_t)v;
}

typedef bool decode_fn(struct a64_tr *tr, uint32_t insn);

static bool agrees(decode_fn *decode, const struct row *rows, size_t n, uint32_t insn)
{
    struct a64_tr tr = {0};
    const struct row *r = search(rows, n, insn);
    bool found = decode(&tr, insn);

    if (!r || !found)
        return !r && !found;
    if (strcmp(r->name, tr.name) || json_array_size(r->fields) != tr.fields)
        return false;
    for (unsigned i = 0; i < tr.fields; i++)
        if (extract(json_array_get(r->fields, i), insn) != tr.field[i].value)
            return false;
    return true;
}

static uint32_t random32(uint64_t *s)
{
    *s = *s * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(*s >> 32);
}

static void check_table(const char *path, decode_fn *decode)
{
    json_error_t err;
    json_t *table = json_load_file(path, 0, &err), *o;
    struct row *rows;
    uint64_t seed = 1;
    size_t i, n;

    if (!table) {
        printf("%s: %s\n", path, err.text);
        check(false, "table", 0);
        return;
    }
    n = json_array_size(table);
    rows = xcalloc(n + 1, sizeof(*rows));
    json_array_foreach(table, i, o) {
        rows[i].name = json_string_value(json_object_get(o, "name"));
        rows[i].mask = (uint32_t)json_integer_value(json_object_get(o, "mask"));
        rows[i].value = (uint32_t)json_integer_value(json_object_get(o, "value"));
        rows[i].fallback = json_object_get(json_object_get(o, "attrs"), "fallback");
        rows[i].fields = json_object_get(o, "fields");
    }
    for (i = 0; i < n; i++) {
        bool ok = agrees(decode, rows, n, rows[i].value) && agrees(decode, rows, n, rows[i].value | ~rows[i].mask);

        for (unsigned k = 0; k < 64; k++)
            ok = ok && agrees(decode, rows, n, rows[i].value | (random32(&seed) & ~rows[i].mask));
        check(ok, rows[i].name, rows[i].value);
    }
    for (i = 0; i < 20000; i++) {
        uint32_t insn = random32(&seed);

        if (!agrees(decode, rows, n, insn)) {
            check(false, "random word", insn);
            break;
        }
    }
    /* And the speed, for information: every row with random fields. */
    if (n) {
        enum { WORDS = 4096, ROUNDS = 100 };
        static uint32_t words[WORDS];
        struct a64_tr tr = {0};
        uint64_t t;
        unsigned hits = 0;

        for (i = 0; i < WORDS; i++) {
            const struct row *r = &rows[random32(&seed) % n];

            words[i] = r->value | (random32(&seed) & ~r->mask);
        }
        t = now_ns();
        for (unsigned k = 0; k < ROUNDS; k++)
            for (i = 0; i < WORDS; i++)
                hits += decode(&tr, words[i]);
        printf("%s: %zu instructions, %.1f ns a decode\n", path, n, (double)(now_ns() - t) / (WORDS * ROUNDS));
        check(hits == WORDS * ROUNDS, "all rows decode", 0);
    }
    free(rows);
    json_decref(table);
}

static const struct { const char *file; decode_fn *decode; } groups[] = {
#ifdef DECODE_BASE
    {"a64_base.json", a64_decode_base},
#endif
#ifdef DECODE_SIMD
    {"a64_simd.json", a64_decode_simd},
#endif
#ifdef DECODE_SYS
    {"a64_sys.json", a64_decode_sys},
#endif
};

int main(int argc, char **argv)
{
    for (unsigned i = 0; i < ARRAY_LEN(known); i++)
        check_known(&known[i]);
    for (int i = 1; i < argc; i++) {
        const char *base = strrchr(argv[i], '/') ? strrchr(argv[i], '/') + 1 : argv[i];
        bool found = false;

        for (unsigned k = 0; k < ARRAY_LEN(groups); k++)
            if (!strcmp(base, groups[k].file)) {
                check_table(argv[i], groups[k].decode);
                found = true;
            }
        check(found, base, 0);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
