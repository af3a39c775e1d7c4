/*
 * files.c - the arguments of -fsdev and -virtfs: shared folders.
 *
 * Owns the tables of their properties. Must not open anything.
 */
#include <string.h>

#include "cli/options.h"

#define fail(...) xasprintf(__VA_ARGS__)

struct word { const char *name; int value; };

static bool find_word(const struct word *w, const char *v, int *out)
{
    for (; w->name; w++)
        if (!strcmp(w->name, v)) {
            *out = w->value;
            return true;
        }
    return false;
}

static bool parse_mode(const char *v, unsigned *mode)
{
    unsigned m = 0, n = 0;
    for (; *v >= '0' && *v <= '7' && n < 5; v++, n++)
        m = m * 8 + (unsigned)(*v - '0');
    *mode = m;
    return n && !*v && m && m <= 0777;
}

static const struct word models[] = {
    { "none", P9_NONE }, { "passthrough", P9_PASSTHROUGH }, { "mapped", P9_MAPPED_XATTR },
    { "mapped-xattr", P9_MAPPED_XATTR }, { "mapped-file", P9_MAPPED_FILE }, { NULL, 0 },
};
static const struct word multidevs[] = { { "warn", P9_WARN }, { "remap", P9_REMAP }, { "forbid", P9_FORBID }, { NULL, 0 } };

static char *fsdev_prop(struct opt_fsdev *f, const char *key, const char *v, bool *model, bool *known)
{
    int n;
    if (!strcmp(key, "path")) {
        f->p9.path = v;
    } else if (!strcmp(key, "id")) {
        f->id = v;
    } else if (!strcmp(key, "security_model")) {
        if (!find_word(models, v, &n))
            return fail("security_model=%s: want none, passthrough, mapped, mapped-xattr or mapped-file", v);
        f->p9.model = (enum p9_model)n;
        *model = true;
    } else if (!strcmp(key, "multidevs")) {
        if (!find_word(multidevs, v, &n))
            return fail("multidevs=%s: want warn, remap or forbid", v);
        f->p9.multidevs = (enum p9_multidevs)n;
    } else if (!strcmp(key, "readonly")) {
        return parse_bool(v, &f->p9.readonly) ? NULL : fail("readonly=%s: want on or off", v);
    } else if (!strcmp(key, "fmode") || !strcmp(key, "dmode")) {
        return parse_mode(v, *key == 'f' ? &f->p9.fmode : &f->p9.dmode) ? NULL : fail("%s=%s: want an octal mode", key, v);
    } else if (!strcmp(key, "writeout")) {
        return strcmp(v, "immediate") ? fail("writeout=%s: want immediate", v) : NULL;
    } else if (strncmp(key, "throttling.", 11)) {
        *known = false;
    } else {
        return fail("%s is not implemented", key);
    }
    return NULL;
}

const struct opt_fsdev *opt_find_fsdev(const struct options *o, const char *id)
{
    for (unsigned i = 0; i < o->n_fsdev; i++)
        if (!strcmp(o->fsdev[i].id, id))
            return &o->fsdev[i];
    return NULL;
}

/* Both options; *TAG is set by -virtfs only (NULL: there is no such property). */
static char *parse(struct options *o, const char *arg, struct opt_fsdev *f, const char **tag)
{
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "fsdriver");
    if (err)
        return fail("%s", err);
    const char *driver = keyvals_get(&k, "fsdriver");
    bool model = false;
    if (!driver || strcmp(driver, "local"))
        return fail("no file system driver '%s': local", driver ? driver : "");
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        bool known = true;
        char *e = NULL;
        if (tag && !strcmp(key, "mount_tag"))
            *tag = v;
        else if (strcmp(key, "fsdriver"))
            e = fsdev_prop(f, key, v, &model, &known);
        if (e || !known)
            return e ? e : fail("a shared folder has no property '%s'", key);
    }
    if (!f->p9.path)
        return fail("path=DIR is missing");
    if (!model)
        return fail("security_model=none|mapped-xattr|mapped-file|passthrough is missing");
    if ((f->p9.fmode || f->p9.dmode) && f->p9.model < P9_MAPPED_XATTR)
        return fail("fmode and dmode belong to security_model=mapped-xattr and mapped-file");
    if (o->n_fsdev == OPT_MAX_FSDEVS)
        return fail("too many shared folders");
    return NULL;
}

static char *add(struct options *o, const struct opt_fsdev *f)
{
    if (opt_find_fsdev(o, f->id))
        return fail("id '%s' is taken", f->id);
    o->fsdev[o->n_fsdev++] = *f;
    return NULL;
}

char *opt_fsdev(struct options *o, const char *arg)
{
    struct opt_fsdev f = { 0 };
    char *e = parse(o, arg, &f, NULL);
    if (e)
        return e;
    return f.id ? add(o, &f) : fail("id=ID is missing");
}

char *opt_virtfs(struct options *o, const char *arg)
{
    struct opt_fsdev f = { 0 };
    const char *tag = NULL;
    char *e = parse(o, arg, &f, &tag);
    if (e)
        return e;
    if (!tag)
        return fail("mount_tag=TAG is missing");
    if (!f.id)
        f.id = xasprintf("virtfs-%u-%s", o->n_fsdev, tag);
    if ((e = add(o, &f)))
        return e;
    if (o->n_dev == OPT_MAX_DEVS)
        return fail("too many devices");
    o->dev[o->n_dev++] = (struct opt_device){ .kind = OPT_DEV_9P, .slot = -1, .pci = true, .fsdev = f.id, .mount_tag = tag };
    return NULL;
}
