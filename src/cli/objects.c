/*
 * objects.c - the arguments of -object.
 *
 * Owns the list of kinds. Must not open anything.
 */
#include <stdio.h>
#include <string.h>

#include "cli/options.h"

#define fail(...) xasprintf(__VA_ARGS__)

static const struct { const char *kind; enum opt_object_kind which; const char *props[4]; } kinds[] = {
    { "rng-random", OPT_OBJ_RNG, { "filename" } },
    { "rng-builtin", OPT_OBJ_RNG, { NULL } },
    /* Each device has threads of its own here; the name may be used and changes nothing. */
    { "iothread", OPT_OBJ_IOTHREAD, { "poll-max-ns", "poll-grow", "poll-shrink" } },
};

const struct opt_object *opt_find_object(const struct options *o, const char *id, enum opt_object_kind kind)
{
    for (unsigned i = 0; i < o->n_object; i++)
        if (!strcmp(o->object[i].id, id) && o->object[i].kind == kind)
            return &o->object[i];
    return NULL;
}

static bool one_of(const char *s, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(*list, s))
            return true;
    return false;
}

/* ---- memory backends ---- */

static const struct opt_memory *find_memory(const struct options *o, const char *id)
{
    for (unsigned i = 0; i < o->n_memory; i++)
        if (!strcmp(o->memory[i].id, id))
            return &o->memory[i];
    return NULL;
}

static char *memory_prop(struct opt_memory *m, const char *kind, const struct keyval *kv)
{
    const char *key = kv->key, *v = kv->value;
    static const char *const ignored[] = { "qom-type", "id", "merge", "dump", "seal", "prealloc-threads", "reserve", NULL };
    bool file = !strcmp(kind, "memory-backend-file"), off = false, on;
    if (!strcmp(key, "size"))
        return parse_size(v, 1, &m->size) && m->size ? NULL : fail("size=%s: not a size", v);
    if (!strcmp(key, "share"))
        return parse_bool(v, &m->share) ? NULL : fail("share=%s: want on or off", v);
    if (!strcmp(key, "prealloc"))
        return parse_bool(v, &m->prealloc) ? NULL : fail("prealloc=%s: want on or off", v);
    if (!strcmp(key, "mem-path") && file) {
        m->path = v;
        return NULL;
    }
    if (!strcmp(key, "hugetlb") || !strcmp(key, "readonly") || !strcmp(key, "discard-data") || !strcmp(key, "pmem"))
        return parse_bool(v, &on) && on == off ? NULL : fail("%s=%s: only off", key, v);
    return one_of(key, ignored) ? NULL : fail("%s has no property '%s'", kind, key);
}

static char *memory_backend(struct options *o, const char *kind, const char *id, const struct keyvals *k)
{
    struct opt_memory m = { .id = id };
    for (unsigned i = 0; i < k->n; i++) {
        char *e = memory_prop(&m, kind, &k->kv[i]);
        if (e)
            return e;
    }
    if (!m.size)
        return fail("size=SIZE is missing");
    if (!strcmp(kind, "memory-backend-file") && (!m.path || !m.share))
        return m.path ? fail("guest memory in a file is shared: say share=on") : fail("mem-path=PATH is missing");
    if (find_memory(o, id))
        return fail("id '%s' is taken", id);
    if (o->n_memory == ARRAY_LEN(o->memory))
        return fail("too many memory backends");
    o->memory[o->n_memory++] = m;
    return NULL;
}

static const char *const memories[] = { "memory-backend-ram", "memory-backend-memfd", "memory-backend-file", NULL };

void opt_print_objects(void)
{
    printf("List of user creatable objects:\n");
    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++)
        printf("  %s\n", kinds[i].kind);
    for (unsigned i = 0; memories[i]; i++)
        printf("  %s\n", memories[i]);
}

char *opt_object(struct options *o, const char *arg)
{
    if (opt_is_help(arg)) {
        o->info = INFO_OBJECTS;
        return NULL;
    }
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "qom-type");
    if (err)
        return fail("%s", err);
    const char *kind = keyvals_get(&k, "qom-type");
    if (kind && one_of(kind, memories))
        return keyvals_get(&k, "id") ? memory_backend(o, kind, keyvals_get(&k, "id"), &k) : fail("id=ID is missing");
    unsigned which = 0;
    while (kind && which < ARRAY_LEN(kinds) && strcmp(kinds[which].kind, kind))
        which++;
    if (!kind || which == ARRAY_LEN(kinds))
        return fail("no object '%s' yet (-object help lists them)", kind ? kind : "");
    struct opt_object obj = { .kind = kinds[which].which, .id = keyvals_get(&k, "id"), .filename = keyvals_get(&k, "filename") };
    if (!obj.id)
        return fail("id=ID is missing");
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key;
        bool known = !strcmp(key, "qom-type") || !strcmp(key, "id");
        for (unsigned j = 0; j < ARRAY_LEN(kinds[which].props) && kinds[which].props[j]; j++)
            known |= !strcmp(kinds[which].props[j], key);
        if (!known)
            return fail("%s has no property '%s'", kind, key);
    }
    if (opt_find_object(o, obj.id, OPT_OBJ_RNG) || opt_find_object(o, obj.id, OPT_OBJ_IOTHREAD))
        return fail("id '%s' is taken", obj.id);
    if (o->n_object == OPT_MAX_DEVS)
        return fail("too many objects");
    o->object[o->n_object++] = obj;
    return NULL;
}

char *opt_check_memory(struct options *o)
{
    if (!o->memdev)
        return NULL;
    const struct opt_memory *m = find_memory(o, o->memdev);
    if (!m)
        return fail("memory backend '%s' is not defined", o->memdev);
    if (o->ram_given && m->size != o->ram_size)
        return fail("the machine's memory (-m) and its backend '%s' have different sizes", o->memdev);
    o->ram_size = ALIGN_UP(m->size, 4096);
    o->ram_path = m->path;
    o->ram_prealloc = m->prealloc;
    return NULL;
}
