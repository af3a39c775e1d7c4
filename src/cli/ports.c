/*
 * ports.c - virtconsole and virtserialport: which port of which virtio-serial device they are.
 *
 * Owns the numbering. Must not open character devices.
 */
#include <string.h>

#include "cli/options.h"

#define fail(...) xasprintf(__VA_ARGS__)

/* "ID.0" or "ID" names the device ID; NULL: the first with a free number, as QEMU chooses. */
static struct opt_device *find_bus(struct options *o, const char *bus, unsigned want)
{
    for (unsigned i = 0; i < o->n_dev; i++) {
        struct opt_device *d = &o->dev[i];
        if (d->kind != OPT_DEV_CONSOLE)
            continue;
        if (!bus && d->n_port + want <= d->max_ports)
            return d;
        size_t len = bus && d->id ? strlen(d->id) : 0;
        if (len && !strncmp(bus, d->id, len) && (!bus[len] || !strcmp(bus + len, ".0")))
            return d;
    }
    return NULL;
}

static bool taken(const struct opt_device *d, unsigned nr)
{
    for (unsigned i = 0; i < d->n_port; i++)
        if (d->port[i].nr == nr)
            return true;
    return false;
}

char *opt_port(struct options *o, const struct keyvals *k, bool console)
{
    struct opt_port p = { .console = console };
    const char *bus = NULL, *driver = keyvals_get(k, "driver");
    uint64_t nr = UINT64_MAX;
    for (unsigned i = 0; i < k->n; i++) {
        const char *key = k->kv[i].key, *v = k->kv[i].value;
        if (!strcmp(key, "chardev"))
            p.chardev = v;
        else if (!strcmp(key, "name"))
            p.name = v;
        else if (!strcmp(key, "bus"))
            bus = v;
        else if (!strcmp(key, "nr") && (!parse_uint(v, &nr) || nr >= OPT_MAX_PORTS))
            return fail("nr=%s: want 0 to %d", v, OPT_MAX_PORTS - 1);
        else if (strcmp(key, "nr") && strcmp(key, "id") && strcmp(key, "driver"))
            return fail("%s has no property '%s'", driver, key);
    }
    struct opt_device *d = find_bus(o, bus, 1);
    if (!d)
        return bus ? fail("bus=%s: there is no such virtio-serial device", bus) : fail("no virtio-serial device with a free port for it");
    if (p.name && strlen(p.name) > 255)
        return fail("name=%s: too long", p.name);
    /* Number 0 is for a console: older drivers take it for one. */
    if (nr == UINT64_MAX)
        for (nr = !console; nr < d->max_ports && taken(d, (unsigned)nr);)
            nr++;
    else if (!nr && !console)
        return fail("nr=0: port 0 is for a virtconsole");
    if (nr >= d->max_ports)
        return fail("the virtio-serial device has no port %u (max_ports=%u)", (unsigned)nr, d->max_ports);
    if (taken(d, (unsigned)nr))
        return fail("nr=%u is taken", (unsigned)nr);
    p.nr = (unsigned)nr;
    d->port[d->n_port++] = p;
    return NULL;
}
