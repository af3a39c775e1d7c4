/*
 * qmp.c - sessions of the QEMU Machine Protocol: greeting, negotiation, requests, replies, events.
 *
 * Owns the sessions. What commands do is in qmp_commands.c. Shapes and error classes: docs/interop/qmp-spec of QEMU.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/loop.h"
#include "board/run.h"
#include "debug/qmp.h"
#include "hw/virtio.h"

#define BALLOON_NS 1000000000u                   /* between BALLOON_CHANGE events, as in QEMU */
#define BATCH 256u                               /* bytes of input: a few requests, between which the machine gets its turn */

struct qmp {
    struct mon_io io;
    struct qmp_split split;
    bool pretty, negotiated, open;
    struct qmp *next;
};

static struct qmp *sessions;

static void send(struct qmp *q, json_t *j, bool event)
{
    char *s = json_dumps(j, q->pretty ? JSON_INDENT(4) : 0);
    if (!s)
        die("out of memory");
    char *line = xasprintf("%s\r\n", s);
    if (q->open)
        mon_io_write(&q->io, line, strlen(line), event);
    free(line);
    free(s);
    json_decref(j);
}

/* ---- events ---- */

static json_t *timestamp(void)
{
    struct timeval tv;
    gettimeofday(&tv, NULL);
    return json_pack("{s:I, s:I}", "seconds", (json_int_t)tv.tv_sec, "microseconds", (json_int_t)tv.tv_usec);
}

static void tell(json_t *j)
{
    for (struct qmp *q = sessions; q; q = q->next)
        if (q->negotiated)
            send(q, json_incref(j), true);
    json_decref(j);
}

static void on_event(void *opaque, enum run_event e, enum run_cause cause)
{
    (void)opaque;
    static const char *const names[] = {
        [EVENT_STOP] = "STOP", [EVENT_RESUME] = "RESUME", [EVENT_RESET] = "RESET", [EVENT_SHUTDOWN] = "SHUTDOWN",
        [EVENT_POWERDOWN] = "POWERDOWN",
    };
    json_t *j = json_pack("{s:o, s:s}", "timestamp", timestamp(), "event", names[e]);
    if (e == EVENT_RESET || e == EVENT_SHUTDOWN)
        json_object_set_new(j, "data", json_pack("{s:b, s:s}", "guest", (int)run_cause_is_guest(cause), "reason", run_cause_name(cause)));
    tell(j);
}

/* The guest changes its size page by page: clients hear of it once a second at most, and of what it is then. */
static struct loop_timer balloon_timer;
static uint64_t balloon_told, balloon_size;      /* when, and what is to be told */

static void balloon_tell(void *opaque)
{
    (void)opaque;
    balloon_told = now_ns();
    tell(json_pack("{s:o, s:s, s:{s:I}}", "timestamp", timestamp(), "event", "BALLOON_CHANGE", "data", "actual", (json_int_t)balloon_size));
}

static void balloon_changed(uint64_t actual)
{
    balloon_size = actual;
    if (balloon_timer.deadline == UINT64_MAX)
        loop_timer_arm(&balloon_timer, MAX(now_ns(), balloon_told + BALLOON_NS));
}

/* ---- requests ---- */

json_t *qmp_fail(struct qmp_call *c, const char *class, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    json_t *desc = json_vsprintf(fmt, ap);
    va_end(ap);
    /* What the client sent may be quoted and need not be text. */
    c->error = json_pack("{s:s, s:o}", "class", class, "desc", desc ? desc : json_string("invalid request"));
    return NULL;
}

static json_t *negotiate(struct qmp *q, struct qmp_call *c)
{
    if (q->negotiated)
        return qmp_fail(c, "CommandNotFound", "Capabilities negotiation is already complete, command ignored");
    json_t *enable = json_object_get(c->args, "enable");
    size_t i;
    json_t *v;
    json_array_foreach(enable, i, v) {
        if (!json_is_string(v))
            return qmp_fail(c, "GenericError", "Invalid parameter type for 'enable', expected: string");
        return qmp_fail(c, "GenericError", "Parameter 'enable' does not accept value '%s'", json_string_value(v));
    }
    q->negotiated = true;
    return json_object();
}

/* SPEC: "name:t[?] ..." with t one of s (string), i (integer), b (boolean), a (array); ?: may be missing. */
static bool check_args(struct qmp_call *c, const char *spec)
{
    static const struct { char letter; const char *name; } types[] = {
        { 's', "string" }, { 'i', "integer" }, { 'b', "boolean" }, { 'a', "array" },
    };
    size_t seen = 0;
    for (const char *p = spec; *p;) {
        char name[32];
        size_t n = strcspn(p, ":");
        memcpy(name, p, n);
        name[n] = 0;
        char type = p[n + 1];
        bool optional = p[n + 2] == '?';
        p += strcspn(p, " ");
        p += *p == ' ';
        json_t *v = json_object_get(c->args, name);
        if (!v && !optional)
            return qmp_fail(c, "GenericError", "Parameter '%s' is missing", name);
        if (!v)
            continue;
        seen++;
        bool ok = type == 's' ? json_is_string(v) : type == 'i' ? json_is_integer(v) : type == 'b' ? json_is_boolean(v) : json_is_array(v);
        for (size_t t = 0; !ok && t < ARRAY_LEN(types); t++)
            if (types[t].letter == type)
                return qmp_fail(c, "GenericError", "Invalid parameter type for '%s', expected: %s", name, types[t].name);
    }
    const char *key;
    json_t *v;
    if (seen != json_object_size(c->args))
        json_object_foreach(c->args, key, v) {
            size_t n = strlen(key);
            const char *at = strstr(spec, key);
            while (n && at && !((at == spec || at[-1] == ' ') && at[n] == ':'))
                at = strstr(at + 1, key);
            if (!at || !n)
                return qmp_fail(c, "GenericError", "Parameter '%s' is unexpected", key);
        }
    return true;
}

static json_t *run_command(struct qmp *q, struct qmp_call *c, const char *name)
{
    if (!strcmp(name, "qmp_capabilities"))
        return check_args(c, "enable:a?") ? negotiate(q, c) : NULL;
    if (!q->negotiated)
        return qmp_fail(c, "CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'");
    for (const struct qmp_command *k = qmp_commands; k->name; k++)
        if (!strcmp(k->name, name))
            return check_args(c, k->args) ? k->run(c) : NULL;
    return qmp_fail(c, "CommandNotFound", "The command %s has not been found", name);
}

static json_t *request(struct qmp *q, struct qmp_call *c, json_t *j)
{
    const char *key, *name = NULL;
    json_t *v;
    if (!json_is_object(j))
        return qmp_fail(c, "GenericError", "QMP input must be a JSON object");
    json_object_foreach(j, key, v) {
        if (!strcmp(key, "execute")) {
            name = json_string_value(v);
            if (!name)
                return qmp_fail(c, "GenericError", "QMP input member 'execute' must be a string");
        } else if (!strcmp(key, "arguments")) {
            if (!json_is_object(v))
                return qmp_fail(c, "GenericError", "QMP input member 'arguments' must be an object");
            c->args = v;
        } else if (strcmp(key, "id")) {
            return qmp_fail(c, "GenericError", "QMP input member '%s' is unexpected", key);
        }
    }
    return name ? run_command(q, c, name) : qmp_fail(c, "GenericError", "QMP input lacks member 'execute'");
}

static void on_message(void *opaque, const char *text, size_t len)
{
    struct qmp *q = opaque;
    json_error_t err;
    struct qmp_call c = { 0 };
    json_t *none = json_object(), *id = NULL, *result = NULL;
    json_t *j = json_loadb(text, len, JSON_DECODE_ANY, &err);
    c.args = none;
    if (j) {
        id = json_object_get(j, "id");
        result = request(q, &c, j);
    } else {
        (void)qmp_fail(&c, "GenericError", "JSON parse error, %s", err.text);
    }
    json_t *reply = result ? json_pack("{s:o}", "return", result) : json_pack("{s:o}", "error", c.error);
    if (id)
        json_object_set(reply, "id", id);
    json_decref(j);
    json_decref(none);
    send(q, reply, false);
}

static void on_broken(void *opaque, const char *what)
{
    struct qmp_call c = { 0 };
    (void)qmp_fail(&c, "GenericError", "JSON parse error, %s", what);
    send(opaque, json_pack("{s:o}", "error", c.error), false);
}

/* ---- the chardev's side ---- */

static size_t can_receive(void *opaque)
{
    return mon_io_accepts(&((struct qmp *)opaque)->io) ? BATCH : 0;
}

static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    static const struct qmp_split_ops ops = { on_message, on_broken };
    struct qmp *q = opaque;
    qmp_split_feed(&q->split, buf, len, &ops, q);
}

static void event(void *opaque, enum chardev_event e)
{
    struct qmp *q = opaque;
    if (e == CHARDEV_OPENED) {
        q->open = true;
        send(q, json_pack("{s:{s:o, s:[]}}", "QMP", "version", qmp_version(), "capabilities"), false);
    } else if (e == CHARDEV_CLOSED) {
        q->open = q->negotiated = false;
        qmp_split_reset(&q->split);
        mon_io_drop(&q->io);
    }
}

void monitor_add_qmp(struct chardev *c, bool pretty)
{
    static struct run_listener listener = { .event = on_event };
    struct qmp *q = xcalloc(1, sizeof *q), **last = &sessions;
    if (!sessions) {
        run_listen(&listener);
        loop_timer_init(&balloon_timer, balloon_tell, NULL);
        virtio_balloon_on_change(balloon_changed);
    }
    while (*last)
        last = &(*last)->next;
    *last = q;
    q->pretty = pretty;
    mon_io_init(&q->io, c);
    const struct chardev_front front = { can_receive, receive, NULL, q, event };
    chardev_attach(c, &front);
}
