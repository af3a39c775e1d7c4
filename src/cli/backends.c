/*
 * backends.c - the arguments of -netdev, -nic and -net.
 *
 * Owns the tables of their properties. Must not open networks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

#define fail(...) xasprintf(__VA_ARGS__)

static char *add_device(struct options *o, const struct opt_device *d)
{
    if (o->n_dev == OPT_MAX_DEVS)
        return fail("too many devices");
    o->dev[o->n_dev++] = *d;
    return NULL;
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
        { "tftp-server-name", &u->tftp_name }, { "ipv6-net", &u->net6 }, { "ipv6-host", &u->host6 }, { "ipv6-dns", &u->dns6 },
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
    } else if (!strcmp(key, "dnssearch")) {
        if (u->n_dnssearch == NET_USER_FWDS)
            return fail("too many search domains");
        u->dnssearch[u->n_dnssearch++] = v;
    } else if (!strcmp(key, "smb") || !strcmp(key, "smbserver")) {
        return fail("%s is not implemented: -virtfs shares folders", key);
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
