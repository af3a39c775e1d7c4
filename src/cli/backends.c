/*
 * backends.c - the arguments of -drive, -blockdev, -netdev, -nic and -net.
 *
 * Owns the tables of their properties. Must not open images or networks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

#define fail(...) xasprintf(__VA_ARGS__)

static bool one_of(const char *s, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(*list, s))
            return true;
    return false;
}

static char *add_device(struct options *o, const struct opt_device *d)
{
    if (o->n_dev == OPT_MAX_DEVS)
        return fail("too many devices");
    o->dev[o->n_dev++] = *d;
    return NULL;
}

/* ---- disks ---- */

struct opt_drive *opt_find_drive(struct options *o, const char *id)
{
    for (unsigned i = 0; i < o->n_drive; i++)
        if (!strcmp(o->drive[i].id, id))
            return &o->drive[i];
    return NULL;
}

static char *set_cache(struct block_options *b, const char *v)
{
    static const char *const known[] = { "writeback", "none", "writethrough", "directsync", "unsafe", NULL };
    if (!one_of(v, known))
        return fail("cache=%s: want writeback, none, writethrough, directsync or unsafe", v);
    b->writethrough = !strcmp(v, "writethrough") || !strcmp(v, "directsync");
    b->no_flush = !strcmp(v, "unsafe");
    return NULL;
}

static char *set_discard(struct block_options *b, const char *v)
{
    static const char *const known[] = { "unmap", "on", "ignore", "off", NULL };
    if (!one_of(v, known))
        return fail("discard=%s: want unmap or ignore", v);
    b->discard = !strcmp(v, "unmap") || !strcmp(v, "on");
    return NULL;
}

/* What one property says; *KNOWN false: not one that disks have. */
static char *drive_prop(struct block_options *b, const char *key, const char *v, bool *known)
{
    static const char *const ignored[] = {
        "aio", "file.aio", "detect-zeroes", "werror", "rerror", "index", "auto-read-only", "file.driver", "cache.direct",
        "cache.no-flush", "file.cache.direct", "copy-on-read", NULL
    };
    bool on;
    if (!strcmp(key, "file") || !strcmp(key, "filename") || !strcmp(key, "file.filename")) {
        b->path = strncmp(v, "file:", 5) ? v : v + 5;
    } else if (!strcmp(key, "format")) {
        b->format = v;
    } else if (!strcmp(key, "readonly") || !strcmp(key, "read-only")) {
        return parse_bool(v, &b->readonly) ? NULL : fail("%s=%s: want on or off", key, v);
    } else if (!strcmp(key, "snapshot")) {
        return parse_bool(v, &b->snapshot) ? NULL : fail("%s=%s: want on or off", key, v);
    } else if (!strcmp(key, "cache")) {
        return set_cache(b, v);
    } else if (!strcmp(key, "discard")) {
        return set_discard(b, v);
    } else if (!strcmp(key, "locking") || !strcmp(key, "file.locking")) {
        if (strcmp(v, "auto") && !parse_bool(v, &on))
            return fail("%s=%s: want on, off or auto", key, v);
        b->no_lock = strcmp(v, "auto") && !on;
    } else {
        *known = one_of(key, ignored);
    }
    return NULL;
}

static char *add_drive(struct options *o, const struct opt_drive *d)
{
    if (opt_find_drive(o, d->id))
        return fail("id '%s' is taken", d->id);
    if (o->n_drive == OPT_MAX_DEVS)
        return fail("too many disks");
    o->drive[o->n_drive++] = *d;
    return NULL;
}

char *opt_drive(struct options *o, const char *arg)
{
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, NULL);
    if (err)
        return fail("%s", err);
    struct opt_drive d = { 0 };
    const char *where = "virtio";
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        bool known = true;
        char *e = NULL;
        if (!strcmp(key, "id"))
            d.id = v;
        else if (!strcmp(key, "if"))
            where = v;
        else if (!strcmp(key, "serial"))
            d.serial = v;
        else if (!strcmp(key, "media"))
            d.b.readonly |= !strcmp(v, "cdrom");
        else
            e = drive_prop(&d.b, key, v, &known);
        if (e || !known)
            return e ? e : fail("a drive has no property '%s'", key);
    }
    if (strcmp(where, "virtio") && strcmp(where, "none"))
        return fail("if=%s: this machine has if=virtio, or if=none with a -device", where);
    if (!d.b.path)
        return fail("file=FILE is missing (a drive without medium is not supported)");
    if (!d.id)
        d.id = xasprintf("%s%u", where, o->n_drive);
    char *e = add_drive(o, &d);
    if (e || !strcmp(where, "none"))
        return e;
    const struct opt_device dev = { .kind = OPT_DEV_BLK, .slot = -1, .pci = true, .drive = d.id };
    return add_device(o, &dev);
}

/* -blockdev driver=file,node-name=F,filename=X, perhaps under driver=raw,node-name=N,file=F; or file.filename=X in one. */
char *opt_blockdev(struct options *o, const char *arg)
{
    if (*arg == '{')
        return fail("JSON is not supported here yet: use key=value");
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "driver");
    if (err)
        return fail("%s", err);
    struct opt_drive d = { 0 };
    const char *driver = keyvals_get(&k, "driver"), *under = NULL;
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        bool known = true;
        char *e = NULL;
        if (!strcmp(key, "node-name"))
            d.id = v;
        else if (!strcmp(key, "file"))
            under = v;
        else if (strcmp(key, "driver"))
            e = drive_prop(&d.b, key, v, &known);
        if (e || !known)
            return e ? e : fail("a block device has no property '%s'", key);
    }
    if (!driver || (strcmp(driver, "raw") && strcmp(driver, "file") && strcmp(driver, "host_device")))
        return fail("driver=%s: raw, file and host_device are supported", driver ? driver : "");
    if (!d.id)
        return fail("node-name=NAME is missing");
    if (under) {
        struct opt_drive *f = opt_find_drive(o, under);
        if (!f)
            return fail("file=%s: there is no such node (define it before)", under);
        d.b.path = f->b.path;
        d.b.readonly |= f->b.readonly;
        d.b.discard |= f->b.discard;
        d.b.no_lock |= f->b.no_lock;
    }
    if (!d.b.path)
        return fail("the file's name is missing");
    d.b.format = "raw";
    return add_drive(o, &d);
}

char *opt_disk(struct options *o, const char *arg)
{
    struct opt_drive d = { .id = xasprintf("virtio%u", o->n_drive), .b.path = arg };
    char *e = add_drive(o, &d);
    const struct opt_device dev = { .kind = OPT_DEV_BLK, .slot = -1, .pci = true, .drive = d.id };
    return e ? e : add_device(o, &dev);
}

/* ---- networks ---- */

struct opt_netdev *opt_find_netdev(struct options *o, const char *id)
{
    for (unsigned i = 0; i < o->n_netdev; i++)
        if (!strcmp(o->netdev[i].id, id))
            return &o->netdev[i];
    return NULL;
}

bool opt_parse_mac(const char *s, uint8_t mac[6])
{
    unsigned v[6];
    int end = -1;
    if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%n", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &end) != 6 || s[end])
        return false;
    for (unsigned i = 0; i < 6; i++)
        mac[i] = (uint8_t)v[i];
    return true;
}

static char *user_prop(struct net_user_options *u, const char *key, const char *v, bool *known)
{
    const struct { const char *name; const char **at; } texts[] = {
        { "net", &u->net }, { "host", &u->host }, { "dns", &u->dns }, { "dhcpstart", &u->dhcpstart },
        { "hostname", &u->hostname }, { "domainname", &u->domain }, { "tftp", &u->tftp }, { "bootfile", &u->bootfile },
    };
    for (unsigned i = 0; i < ARRAY_LEN(texts); i++)
        if (!strcmp(texts[i].name, key)) {
            *texts[i].at = v;
            return NULL;
        }
    bool on;
    if (!strcmp(key, "hostfwd") || !strcmp(key, "guestfwd")) {
        unsigned *n = *key == 'h' ? &u->n_hostfwd : &u->n_guestfwd;
        if (*n == NET_USER_FWDS)
            return fail("too many forwarding rules");
        (*key == 'h' ? u->hostfwd : u->guestfwd)[(*n)++] = v;
    } else if (!strcmp(key, "restrict")) {
        return parse_bool(v, &u->restricted) ? NULL : fail("restrict=%s: want on or off", v);
    } else if (!strcmp(key, "ipv4") || !strcmp(key, "ipv6")) {
        if (!parse_bool(v, &on))
            return fail("%s=%s: want on or off", key, v);
        *(key[3] == '4' ? &u->no_ipv4 : &u->no_ipv6) = !on;
    } else {
        *known = false;
    }
    return NULL;
}

static char *add_netdev(struct options *o, const struct opt_netdev *n)
{
    if (opt_find_netdev(o, n->id))
        return fail("id '%s' is taken", n->id);
    if (o->n_netdev == OPT_MAX_NETDEVS)
        return fail("too many networks");
    o->netdev[o->n_netdev++] = *n;
    return NULL;
}

char *opt_netdev(struct options *o, const char *arg)
{
    if (opt_is_help(arg)) {
        o->info = INFO_NETDEVS;
        return NULL;
    }
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "type");
    if (err)
        return fail("%s", err);
    const char *type = keyvals_get(&k, "type");
    if (!type || strcmp(type, "user"))
        return fail("no network of type '%s' yet: user", type ? type : "");
    struct opt_netdev n = { 0 };
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        bool known = true;
        char *e = NULL;
        if (!strcmp(key, "id"))
            n.id = v;
        else if (strcmp(key, "type"))
            e = user_prop(&n.user, key, v, &known);
        if (e || !known)
            return e ? e : fail("a user network has no property '%s'", key);
    }
    return n.id ? add_netdev(o, &n) : fail("id=ID is missing");
}

/* Which transport a model means; false: none of ours. */
static bool card_model(const char *v, bool *pci)
{
    *pci = !strcmp(v, "virtio") || !strcmp(v, "virtio-net-pci");
    return *pci || !strcmp(v, "virtio-net-device");
}

/* -nic user|none[,model=M][,mac=A][,properties of the network]: both ends in one. */
char *opt_nic(struct options *o, const char *arg)
{
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "type");
    if (err)
        return fail("%s", err);
    const char *type = keyvals_get(&k, "type");
    if (!type || (strcmp(type, "user") && strcmp(type, "none")))
        return fail("no network of type '%s' yet: user, none", type ? type : "");
    o->net_given = true;
    if (!strcmp(type, "none"))
        return NULL;
    struct opt_netdev n = { .id = xasprintf("nic%u", o->n_netdev) };
    struct opt_device d = { .kind = OPT_DEV_NET, .slot = -1, .pci = true, .netdev = n.id };
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        bool known = true;
        char *e = NULL;
        if (!strcmp(key, "model"))
            e = card_model(v, &d.pci) ? NULL : fail("model=%s: virtio-net-pci and virtio-net-device are available", v);
        else if (!strcmp(key, "mac"))
            e = opt_parse_mac(v, d.mac) ? NULL : fail("mac=%s: not an Ethernet address", v);
        else if (!strcmp(key, "id"))
            d.netdev = n.id = v;
        else if (strcmp(key, "type"))
            e = user_prop(&n.user, key, v, &known);
        if (e || !known)
            return e ? e : fail("-nic user has no property '%s'", key);
    }
    char *e = add_netdev(o, &n);
    return e ? e : add_device(o, &d);
}

/* The old pair -net nic -net user: one hub, to which here one card and one network can be connected. */
char *opt_net(struct options *o, const char *arg)
{
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "type");
    if (err)
        return fail("%s", err);
    const char *type = keyvals_get(&k, "type");
    bool nic = type && !strcmp(type, "nic"), user = type && !strcmp(type, "user");
    o->net_given = true;
    if (type && !strcmp(type, "none"))
        return NULL;
    if (!nic && !user)
        return fail("no network of type '%s' yet: nic, user, none", type ? type : "");
    if (nic ? o->old_nic : o->old_user)
        return fail("only one of this kind (-nic and -netdev take more)");
    *(nic ? &o->old_nic : &o->old_user) = true;
    struct opt_netdev n = { .id = "hub0" };
    struct opt_device d = { .kind = OPT_DEV_NET, .slot = -1, .pci = true, .netdev = n.id };
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        bool known = true;
        char *e = NULL;
        if (nic && !strcmp(key, "model"))
            e = card_model(v, &d.pci) ? NULL : fail("model=%s: virtio-net-pci and virtio-net-device are available", v);
        else if (nic && !strcmp(key, "macaddr"))
            e = opt_parse_mac(v, d.mac) ? NULL : fail("macaddr=%s: not an Ethernet address", v);
        else if (nic && !strcmp(key, "netdev"))
            d.netdev = v;
        else if (user && strcmp(key, "type"))
            e = user_prop(&n.user, key, v, &known);
        else
            known = !strcmp(key, "type") || !strcmp(key, "name") || !strcmp(key, "vectors");
        if (e || !known)
            return e ? e : fail("-net %s has no property '%s'", type, key);
    }
    return nic ? add_device(o, &d) : add_netdev(o, &n);
}
