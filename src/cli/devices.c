/*
 * devices.c - the arguments of -device and -chardev.
 *
 * Owns the lists of names. Must not make devices or open anything.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

#define fail(...) xasprintf(__VA_ARGS__)

static const struct {
    const char *name, *bus, *desc;
    enum opt_device_kind kind;
    bool pci, port;
} devices[] = {
    { "virtio-blk-device", "virtio-bus", "disk", OPT_DEV_BLK, false, false },
    { "virtio-blk-pci", "PCI", "disk", OPT_DEV_BLK, true, false },
    { "virtio-net-device", "virtio-bus", "network card", OPT_DEV_NET, false, false },
    { "virtio-net-pci", "PCI", "network card", OPT_DEV_NET, true, false },
    { "virtio-rng-device", "virtio-bus", "entropy source", OPT_DEV_RNG, false, false },
    { "virtio-rng-pci", "PCI", "entropy source", OPT_DEV_RNG, true, false },
    { "virtio-balloon-device", "virtio-bus", "memory balloon", OPT_DEV_BALLOON, false, false },
    { "virtio-balloon-pci", "PCI", "memory balloon", OPT_DEV_BALLOON, true, false },
    { "virtio-9p-device", "virtio-bus", "shared folder", OPT_DEV_9P, false, false },
    { "virtio-9p-pci", "PCI", "shared folder", OPT_DEV_9P, true, false },
    { "virtio-serial-device", "virtio-bus", "carrier of virtconsole and virtserialport", OPT_DEV_CONSOLE, false, false },
    { "virtio-serial-pci", "PCI", "carrier of virtconsole and virtserialport", OPT_DEV_CONSOLE, true, false },
    { "virtconsole", "virtio-serial-bus", "console (hvc0) on a virtio-serial-device or -pci", OPT_DEV_CONSOLE, false, true },
    { "virtserialport", "virtio-serial-bus", "named channel on a virtio-serial-device or -pci", OPT_DEV_CONSOLE, false, true },
};

/* NAME as typed: also without its ending (PCI), or with the one that says that it is not transitional. */
static int find_device(const char *name)
{
    static const char *const endings[] = { "", "-pci", NULL };
    size_t len = strlen(name), extra = strlen("-non-transitional");
    if (len > extra && !strcmp(name + len - extra, "-non-transitional"))
        len -= extra;
    for (unsigned i = 0; i < ARRAY_LEN(devices); i++)
        for (unsigned e = 0; endings[e]; e++) {
            const char *full = devices[i].name;
            if (!strncmp(full, name, len) && !strcmp(full + len, endings[e]))
                return (int)i;
        }
    return -1;
}

bool opt_device_exists(const char *name)
{
    return find_device(name) >= 0;
}

void opt_print_devices(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(devices); i++)
        printf("name \"%s\", bus %s, desc \"%s\"\n", devices[i].name, devices[i].bus, devices[i].desc);
}

static const char *const chardev_kinds[] = {
    [OPT_CHR_NULL] = "null", [OPT_CHR_STDIO] = "stdio", [OPT_CHR_FILE] = "file",
    [OPT_CHR_PTY] = "pty", [OPT_CHR_PIPE] = "pipe", [OPT_CHR_SOCKET] = "socket",
};

void opt_print_chardevs(void)
{
    printf("Available chardev backend types:\n");
    for (unsigned i = 0; i < ARRAY_LEN(chardev_kinds); i++)
        printf("  %s\n", chardev_kinds[i]);
}

const struct opt_chardev *opt_find_chardev(const struct options *o, const char *id)
{
    for (unsigned i = 0; i < o->n_chardev; i++)
        if (!strcmp(o->chardev[i].id, id))
            return &o->chardev[i];
    return NULL;
}

/* Properties of -chardev: name, kinds that have it (bits), where its value goes. */
#define K(kind) (1u << OPT_CHR_##kind)
#define K_ALL (~0u)

static const struct { const char *name; unsigned kinds; size_t at; } chr_flags[] = {
    { "mux", K_ALL, offsetof(struct opt_chardev, mux) },
    { "logappend", K_ALL, offsetof(struct opt_chardev, logappend) },
    { "signal", K(STDIO), offsetof(struct opt_chardev, signals) },
    { "append", K(FILE), offsetof(struct opt_chardev, append) },
    { "server", K(SOCKET), offsetof(struct opt_chardev, server) },
    { "wait", K(SOCKET), offsetof(struct opt_chardev, wait) },
    { "telnet", K(SOCKET), offsetof(struct opt_chardev, telnet) },
}, chr_texts[] = {
    { "id", K_ALL, offsetof(struct opt_chardev, id) },
    { "logfile", K_ALL, offsetof(struct opt_chardev, logfile) },
    { "path", K(FILE) | K(PIPE) | K(SOCKET), offsetof(struct opt_chardev, path) },
    { "host", K(SOCKET), offsetof(struct opt_chardev, host) },
    { "port", K(SOCKET), offsetof(struct opt_chardev, port) },
    { "reconnect", K(SOCKET), offsetof(struct opt_chardev, reconnect) },
};

static char *chardev_prop(struct opt_chardev *c, const struct keyval *kv)
{
    const char *key = kv->key, *value = kv->value;
    if (!strcmp(key, "nowait"))                  /* the older spelling of wait=off */
        key = "wait", value = "off";
    if (!strcmp(key, "delay") || !strcmp(key, "nodelay") || !strcmp(key, "ipv4") || !strcmp(key, "ipv6"))
        return NULL;
    for (unsigned i = 0; i < ARRAY_LEN(chr_flags); i++)
        if (!strcmp(chr_flags[i].name, key) && chr_flags[i].kinds >> c->kind & 1)
            return parse_bool(value, (bool *)((char *)c + chr_flags[i].at)) ? NULL : fail("%s=%s: want on or off", key, value);
    for (unsigned i = 0; i < ARRAY_LEN(chr_texts); i++) {
        if (!strcmp(chr_texts[i].name, key) && chr_texts[i].kinds >> c->kind & 1) {
            *(const char **)((char *)c + chr_texts[i].at) = value;
            return NULL;
        }
    }
    return fail("%s has no property '%s'", chardev_kinds[c->kind], key);
}

char *opt_chardev(struct options *o, const char *arg)
{
    if (opt_is_help(arg)) {
        o->info = INFO_CHARDEVS;
        return NULL;
    }
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "backend");
    if (err)
        return fail("%s", err);
    const char *kind = keyvals_get(&k, "backend");
    struct opt_chardev c = { .kind = (enum opt_chardev_kind)ARRAY_LEN(chardev_kinds), .signals = true, .wait = true };
    for (unsigned i = 0; kind && i < ARRAY_LEN(chardev_kinds); i++)
        if (!strcmp(chardev_kinds[i], kind))
            c.kind = (enum opt_chardev_kind)i;
    if (c.kind == ARRAY_LEN(chardev_kinds))
        return fail("no character device '%s' (-chardev help lists them)", kind ? kind : "");
    for (unsigned i = 0; i < k.n; i++) {
        char *e = strcmp(k.kv[i].key, "backend") ? chardev_prop(&c, &k.kv[i]) : NULL;
        if (e)
            return e;
    }
    if (!c.id || !*c.id)
        return fail("id=ID is missing");
    if (opt_find_chardev(o, c.id))
        return fail("id '%s' is taken", c.id);
    if ((c.kind == OPT_CHR_FILE || c.kind == OPT_CHR_PIPE) && !c.path)
        return fail("path=PATH is missing");
    uint64_t seconds;
    if (c.reconnect && (!parse_uint(c.reconnect, &seconds) || seconds > 3600 || c.server))
        return fail("reconnect=%s: want seconds, for a client", c.reconnect);
    if (c.kind == OPT_CHR_SOCKET && !c.path == !c.port)
        return fail("want path=PATH, or host=HOST,port=PORT");
    if (o->n_chardev == OPT_MAX_CHARDEVS)
        return fail("too many character devices");
    o->chardev[o->n_chardev++] = c;
    return NULL;
}

static char *parse_bus(const char *v, bool pci, int *slot)
{
    static const char prefix[] = "virtio-mmio-bus.";
    uint64_t n;
    if (pci)
        return strcmp(v, "pcie.0") ? fail("bus=%s: the only PCI bus is pcie.0", v) : NULL;
    if (strncmp(v, prefix, sizeof(prefix) - 1) || !parse_uint(v + sizeof(prefix) - 1, &n) || n > 31)
        return fail("bus=%s: want virtio-mmio-bus.0 to virtio-mmio-bus.31", v);
    *slot = (int)n;
    return NULL;
}

/* addr=DEVICE[.0], in hexadecimal as QEMU reads it. */
static char *parse_addr(const char *v, int *slot)
{
    unsigned dev, fn = 0;
    int end = -1, end2 = -1;
    int n = sscanf(v, "%x%n.%x%n", &dev, &end, &fn, &end2);
    if (n < 1 || v[n == 2 ? end2 : end] || dev < 1 || dev > 31 || fn)
        return fail("addr=%s: want 1 to 1f", v);
    *slot = (int)dev;
    return NULL;
}

/* Accepted and without effect: how the device is carried, not what it does. */
static bool ignored_prop(const char *key)
{
    static const char *const names[] = {
        "driver", "disable-legacy", "disable-modern", "iommu_platform", "packed", "vectors",
        "romfile", "rombar", "event_idx", "indirect_desc", "mq", "queue_size", "rx_queue_size", "tx_queue_size", "scsi", "request-merging",
        "config-wce", "share-rw", "page-per-vq", "speed", "duplex", "emulation",
    };
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (!strcmp(names[i], key))
            return true;
    return false;
}

static bool *balloon_flag(struct opt_device *d, const char *key)
{
    return !strcmp(key, "deflate-on-oom") ? &d->deflate_on_oom : !strcmp(key, "free-page-hint") ? &d->free_page_hint :
           !strcmp(key, "free-page-reporting") ? &d->free_page_reporting : NULL;
}

/* bootindex=N: which device firmware is to try when; -1: not this one. */
static char *parse_bootindex(const struct options *o, const char *v, unsigned *boot)
{
    uint64_t n;
    *boot = 0;
    if (!strcmp(v, "-1"))
        return NULL;
    if (!parse_uint(v, &n) || n > INT32_MAX)
        return fail("bootindex=%s: want -1 or a number from 0", v);
    for (unsigned i = 0; i < o->n_dev; i++)
        if (o->dev[i].boot == n + 1)
            return fail("bootindex=%s: another device has it", v);
    *boot = (unsigned)n + 1;
    return NULL;
}

static char *device_prop(struct options *o, struct opt_device *d, const char *name, const char *key, const char *v)
{
    bool *flag;
    bool disk = d->kind == OPT_DEV_BLK;
    char *e = disk ? opt_disk_prop(d, key, v, &disk) : NULL;
    if (disk)
        return e;
    if (!strcmp(key, "id")) {
        d->id = v;
    } else if (!strcmp(key, "bus")) {
        return parse_bus(v, d->pci, &d->slot);
    } else if (!strcmp(key, "addr") && d->pci) {
        return parse_addr(v, &d->slot);
    } else if (!strcmp(key, "max_ports") && d->kind == OPT_DEV_CONSOLE) {
        uint64_t n;
        if (!parse_uint(v, &n) || n < 1 || n > OPT_MAX_PORTS)
            return fail("max_ports=%s: want 1 to %d", v, OPT_MAX_PORTS);
        d->max_ports = (unsigned)n;
    } else if (!strcmp(key, "netdev") && d->kind == OPT_DEV_NET) {
        d->netdev = v;
    } else if (!strcmp(key, "bootindex") && (d->kind == OPT_DEV_NET || d->kind == OPT_DEV_BLK)) {
        return parse_bootindex(o, v, &d->boot);
    } else if (!strcmp(key, "fsdev") && d->kind == OPT_DEV_9P) {
        d->fsdev = v;
    } else if (!strcmp(key, "mount_tag") && d->kind == OPT_DEV_9P) {
        d->mount_tag = v;
    } else if (!strcmp(key, "mac") && d->kind == OPT_DEV_NET) {
        return opt_parse_mac(v, d->mac) ? NULL : fail("mac=%s: not an Ethernet address", v);
    } else if (!strcmp(key, "rng") && d->kind == OPT_DEV_RNG) {
        d->rng = v;
    } else if (d->kind == OPT_DEV_RNG && (!strcmp(key, "max-bytes") || !strcmp(key, "period"))) {
        return parse_uint(v, *key == 'm' ? &d->max_bytes : &d->period_ms) ? NULL : fail("%s=%s: not a number", key, v);
    } else if (d->kind == OPT_DEV_BALLOON && (flag = balloon_flag(d, key))) {
        return parse_bool(v, flag) ? NULL : fail("%s=%s: want on or off", key, v);
    } else if (!strcmp(key, "iothread") && d->kind == OPT_DEV_BALLOON) {
        d->iothread = v;
    } else if (!ignored_prop(key)) {
        return fail("%s has no property '%s'", name, key);
    }
    return NULL;
}

char *opt_device(struct options *o, const char *arg)
{
    if (opt_is_help(arg)) {
        o->info = INFO_DEVICES;
        return NULL;
    }
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "driver");
    if (err)
        return fail("%s", err);
    const char *name = keyvals_get(&k, "driver");
    if (!name)
        return fail("the device's name is missing");
    int which = find_device(name);
    if (which < 0)
        return fail("no device '%s' yet (-device help lists them)", name);
    if (devices[which].port)
        return opt_port(o, &k, !strcmp(devices[which].name, "virtconsole"));
    struct opt_device d = { .kind = devices[which].kind, .pci = devices[which].pci, .slot = -1, .max_ports = OPT_MAX_PORTS };
    for (unsigned i = 0; i < o->n_global; i++) {
        const struct opt_global *g = &o->global[i];
        char *e = find_device(g->driver) == which ? device_prop(o, &d, name, g->property, g->value) : NULL;
        if (e)
            return fail("-global %s.%s=%s: %s", g->driver, g->property, g->value, e);
    }
    for (unsigned i = 0; i < k.n; i++) {
        char *e = device_prop(o, &d, name, k.kv[i].key, k.kv[i].value);
        if (e)
            return e;
    }
    if (d.kind == OPT_DEV_BLK && !d.drive)
        return fail("drive=ID is missing");
    if (d.kind == OPT_DEV_9P && (!d.fsdev || !d.mount_tag))
        return fail("%s is missing", d.fsdev ? "mount_tag=TAG" : "fsdev=ID");
    if (o->n_dev == OPT_MAX_DEVS)
        return fail("too many devices");
    o->dev[o->n_dev++] = d;
    return NULL;
}

/* Each disk and each network is used by one device at most. */
static char *check_backends(struct options *o)
{
    for (unsigned i = 0; i < o->n_dev; i++) {
        const struct opt_device *d = &o->dev[i];
        if (d->netdev && !opt_find_netdev(o, d->netdev)) {
            if (o->old_nic && !strcmp(d->netdev, "hub0"))
                continue;                        /* -net nic without -net user: not connected */
            return fail("-device virtio-net: netdev '%s' is not defined", d->netdev);
        }
        if (d->iothread && !opt_find_object(o, d->iothread, OPT_OBJ_IOTHREAD))
            return fail("-device virtio-%s: iothread '%s' is not defined", d->kind == OPT_DEV_BLK ? "blk" : "balloon", d->iothread);
        if (d->rng && !opt_find_object(o, d->rng, OPT_OBJ_RNG))
            return fail("-device virtio-rng: rng=%s: there is no such object", d->rng);
        if (d->fsdev && !opt_find_fsdev(o, d->fsdev))
            return fail("-device virtio-9p: fsdev '%s' is not defined", d->fsdev);
        for (unsigned j = 0; j < i; j++) {
            if (d->drive && o->dev[j].drive && !strcmp(d->drive, o->dev[j].drive))
                return fail("drive '%s' is used by two devices", d->drive);
            if (d->netdev && o->dev[j].netdev && !strcmp(d->netdev, o->dev[j].netdev))
                return fail("netdev '%s' is used by two devices", d->netdev);
        }
    }
    return NULL;
}

char *opt_check_references(struct options *o)
{
    char *e = check_backends(o);
    if (!e)
        e = opt_check_disks(o);
    if (e)
        return e;
    for (unsigned i = 0; i < o->n_dev; i++)
        for (unsigned j = 0; j < o->dev[i].n_port; j++)
            if (o->dev[i].port[j].chardev && !opt_find_chardev(o, o->dev[i].port[j].chardev))
                return fail("-device virtconsole: chardev '%s' is not defined", o->dev[i].port[j].chardev);
    for (unsigned i = 0; i < o->n_serial; i++)
        if (!strncmp(o->serial[i], "chardev:", 8) && !opt_find_chardev(o, o->serial[i] + 8))
            return fail("-serial %s: chardev '%s' is not defined", o->serial[i], o->serial[i] + 8);
    for (unsigned i = 0; i < o->n_monitor; i++)
        if (!strncmp(o->monitor[i].where, "chardev:", 8) && !opt_find_chardev(o, o->monitor[i].where + 8))
            return fail("a monitor's chardev '%s' is not defined", o->monitor[i].where + 8);
    return NULL;
}
