/*
 * general.c - the arguments of -name, -rtc, -uuid, -boot, -numa, -global and -msg.
 *
 * Owns the tables of their properties. What has no effect on this machine is accepted only if leaving it out changes nothing that
 * a guest or a client sees.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/options.h"

#define fail(...) xasprintf(__VA_ARGS__)

static bool one_of(const char *s, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(*list, s))
            return true;
    return false;
}

/* ---- -name ---- */

char *opt_name(struct options *o, const char *arg)
{
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "guest");
    if (err)
        return fail("%s", err);
    bool on;
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        if (!strcmp(key, "guest"))
            o->name = v;
        else if (!strcmp(key, "process"))
            o->process_name = v;
        else if (strcmp(key, "debug-threads"))
            return fail("a name has no property '%s'", key);
        else if (!parse_bool(v, &on))
            return fail("debug-threads=%s: want on or off", v);
    }
    return NULL;
}

/* ---- -rtc ---- */

/* YYYY-MM-DD[THH:MM:SS], UTC. */
static bool parse_date(const char *s, time_t *t)
{
    struct tm tm = { 0 };
    int day = -1, end = -1;
    int n = sscanf(s, "%4d-%2d-%2d%nT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &day, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end);
    if (!(n == 3 && day >= 0 && !s[day]) && !(n == 6 && end >= 0 && !s[end]))
        return false;
    if (tm.tm_year < 1970 || tm.tm_year > 2105 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    *t = timegm(&tm);
    return true;
}

char *opt_rtc(struct options *o, const char *arg)
{
    static const char *const drift[] = { "none", "slew", NULL };
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, NULL);
    if (err)
        return fail("%s", err);
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        time_t now = time(NULL), t;
        struct tm local;
        if (!strcmp(key, "base") && !strcmp(v, "utc")) {
            o->rtc_offset = 0;
        } else if (!strcmp(key, "base") && !strcmp(v, "localtime")) {
            o->rtc_offset = localtime_r(&now, &local) ? local.tm_gmtoff : 0;
        } else if (!strcmp(key, "base")) {
            if (!parse_date(v, &t))
                return fail("base=%s: want utc, localtime or YYYY-MM-DD[THH:MM:SS]", v);
            o->rtc_offset = (int64_t)t - now;
        } else if (!strcmp(key, "clock")) {
            if (strcmp(v, "host") && strcmp(v, "rt"))
                return fail("clock=%s: the clock goes with the host's: host or rt", v);
        } else if (strcmp(key, "driftfix")) {
            return fail("the clock has no property '%s'", key);
        } else if (!one_of(v, drift)) {
            return fail("driftfix=%s: want none or slew", v);         /* for periodic ticks, which the PL031 has not */
        }
    }
    return NULL;
}

/* ---- -uuid, -boot, -msg ---- */

char *opt_uuid(struct options *o, const char *arg)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    bool good = strlen(arg) == sizeof(form) - 1;
    for (unsigned i = 0; good && form[i]; i++)
        good = form[i] == '-' ? arg[i] == '-' : strchr("0123456789abcdefABCDEF", arg[i]) != NULL;
    o->uuid = arg;
    return good ? NULL : fail("want %s in hexadecimal", form);
}

/* The order in which firmware tries devices; a kernel given with -kernel is what boots. */
char *opt_boot(struct options *o, const char *arg)
{
    static const char *const flags[] = { "menu", "strict", NULL }, *const texts[] = { "order", "once", NULL };
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "order");
    bool on;
    if (err)
        return fail("%s", err);
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        if (one_of(key, flags) && !parse_bool(v, &on))
            return fail("%s=%s: want on or off", key, v);
        if (one_of(key, texts) && v[strspn(v, "abcdefghijklmnop")])
            return fail("%s=%s: want letters a to p", key, v);
        if (!one_of(key, flags) && !one_of(key, texts))
            return fail("there is no firmware that knows '%s'", key);
    }
    return NULL;
}

char *opt_msg(struct options *o, const char *arg)
{
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, NULL);
    bool on;
    if (err)
        return fail("%s", err);
    for (unsigned i = 0; i < k.n; i++) {
        if (strcmp(k.kv[i].key, "timestamp") && strcmp(k.kv[i].key, "guest-name"))
            return fail("a message has no property '%s'", k.kv[i].key);
        if (!parse_bool(k.kv[i].value, &on))
            return fail("%s=%s: want on or off", k.kv[i].key, k.kv[i].value);
    }
    return NULL;
}

/* ---- -global ---- */

/* DRIVER.PROPERTY=VALUE or driver=D,property=P,value=V: what -device DRIVER takes for PROPERTY unless it says otherwise. */
char *opt_global(struct options *o, const char *arg)
{
    struct opt_global g = { 0 };
    const char *dot = strchr(arg, '.'), *eq = strchr(arg, '=');
    if (dot && eq && dot < eq) {
        g.driver = xasprintf("%.*s", (int)(dot - arg), arg);
        g.property = xasprintf("%.*s", (int)(eq - dot - 1), dot + 1);
        g.value = eq + 1;
    } else {
        struct keyvals k;
        const char *err = keyvals_parse(&k, arg, NULL);
        if (err)
            return fail("%s", err);
        g = (struct opt_global){ keyvals_get(&k, "driver"), keyvals_get(&k, "property"), keyvals_get(&k, "value") };
    }
    if (!g.driver || !*g.driver || !g.property || !*g.property || !g.value)
        return fail("want DRIVER.PROPERTY=VALUE");
    bool on;
    if (!strcmp(g.driver, "virtio-mmio")) {
        /* Transports speak virtio 1 only. */
        if (strcmp(g.property, "force-legacy"))
            return fail("virtio-mmio has no property '%s'", g.property);
        return parse_bool(g.value, &on) && !on ? NULL : fail("virtio-mmio has no legacy interface: only force-legacy=false");
    }
    if (!opt_device_exists(g.driver)) {
        warn("-global %s: there is no such device, not used", arg);
        return NULL;
    }
    if (o->n_global == OPT_MAX_DEVS)
        return fail("too many");
    o->global[o->n_global++] = g;
    return NULL;
}

/* ---- -numa ---- */

/* -numa node[,memdev=ID][,nodeid=0][,cpus=..]: one node, with all there is. */
char *opt_numa(struct options *o, const char *arg)
{
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "type");
    if (err)
        return fail("%s", err);
    const char *type = keyvals_get(&k, "type");
    if (!type || strcmp(type, "node"))
        return fail("only 'node' is available");
    if (o->has_node)
        return fail("this machine has one node");
    o->has_node = true;
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        if (!strcmp(key, "memdev"))
            o->memdev = v;
        else if (!strcmp(key, "nodeid") ? strcmp(v, "0") : strcmp(key, "type") && strcmp(key, "cpus"))
            return fail("%s=%s: not available for the one node", key, v);
    }
    return NULL;
}

/* [name=]NAME,file=FILE or string=TEXT */
char *opt_fw_cfg(struct options *o, const char *arg)
{
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "name");
    if (err)
        return fail("%s", err);
    for (unsigned i = 0; i < k.n; i++)
        if (strcmp(k.kv[i].key, "name") && strcmp(k.kv[i].key, "file") && strcmp(k.kv[i].key, "string"))
            return fail("there is no property '%s'", k.kv[i].key);
    struct virt_fw_cfg f = { keyvals_get(&k, "name"), keyvals_get(&k, "file"), keyvals_get(&k, "string") };
    if (!f.name || !f.path == !f.string)
        return fail("want name=NAME and one of file=FILE and string=TEXT");
    if (o->n_fw_cfg == ARRAY_LEN(o->fw_cfg))
        return fail("too many files");
    if (strncmp(f.name, "opt/", 4))
        warn("-fw_cfg name=%s: names of your own should begin with opt/", f.name);
    o->fw_cfg[o->n_fw_cfg++] = f;
    return NULL;
}
