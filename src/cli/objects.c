/*
 * objects.c - the arguments of -object.
 *
 * Owns the list of kinds. Must not open anything.
 */
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

char *opt_object(struct options *o, const char *arg)
{
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "qom-type");
    if (err)
        return fail("%s", err);
    const char *kind = keyvals_get(&k, "qom-type");
    unsigned which = 0;
    while (kind && which < ARRAY_LEN(kinds) && strcmp(kinds[which].kind, kind))
        which++;
    if (!kind || which == ARRAY_LEN(kinds))
        return fail("no object '%s' yet: rng-random, rng-builtin and iothread", kind ? kind : "");
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
