/*
 * hmp.c - the commands of the human monitor: the table, and help.
 *
 * Owns the table. A command writes into a text; lines end in "\n" there. Must not know who asked.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "board/run.h"
#include "debug/monitor_impl.h"
#include "exec/exec.h"
#include "hw/net.h"
#include "hw/virtio.h"

struct monitor_config monitor;

void monitor_init(const struct monitor_config *cfg)
{
    monitor = *cfg;
}

void hmp_error(struct hmp_call *c, const char *fmt, ...)
{
    va_list ap;
    char line[512];
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    text_printf(c->out, "%s\n", line);
}

struct vcpu *hmp_vcpu(const struct hmp_call *c)
{
    struct vcpu *v = exec_vcpu(c->h->cpu);
    return v ? v : exec_vcpu(0);
}

/* ---- commands ---- */

static void do_stop(struct hmp_call *c) { run_pause(); }
static void do_quit(struct hmp_call *c) { run_request_shutdown(CAUSE_HOST_QMP_QUIT); }
static void do_reset(struct hmp_call *c) { run_request_reset(CAUSE_HOST_QMP_RESET); }
static void do_powerdown(struct hmp_call *c) { run_powerdown(); }

static void do_cont(struct hmp_call *c)
{
    if (!run_continue())
        hmp_error(c, "Error: Resetting the Virtual Machine is required");
}

static void do_cpu(struct hmp_call *c)
{
    char *end;
    unsigned long n = strtoul(c->args, &end, 0);
    if (!isdigit((unsigned char)*c->args) || *end || n > UINT16_MAX || !exec_vcpu((unsigned)n))
        hmp_error(c, "invalid CPU index");
    else
        c->h->cpu = (unsigned)n;
}

static void do_log(struct hmp_call *c)
{
    const char *bad = log_set(c->args);
    if (bad)
        hmp_error(c, "unknown log item '%.*s'", (int)strcspn(bad, ","), bad);
}

/* "N[BKMGT]", MiB without a suffix; false: it is no size. */
static bool parse_mib(const char *s, uint64_t *bytes)
{
    static const char units[] = "BKMGT";
    char *end;
    uint64_t n = strtoull(s, &end, 10);
    const char *u = *end ? strchr(units, toupper((unsigned char)*end)) : &units[2];
    if (!isdigit((unsigned char)*s) || !u || (*end && end[1]))
        return false;
    unsigned shift = 10 * (unsigned)(u - units);
    *bytes = n << shift;
    return n && *bytes >> shift == n;
}

static void do_balloon(struct hmp_call *c)
{
    uint64_t bytes;
    if (!parse_mib(c->args, &bytes))
        hmp_error(c, "invalid size: '%s'", c->args);
    else if (!virtio_balloon_set(bytes))
        hmp_error(c, "Error: No balloon device has been activated");
}

/* "[NETDEV] RULE" */
static void forward(struct hmp_call *c, bool add)
{
    const char *rule = c->args, *blank = strchr(rule, ' ');
    char *id = blank ? xasprintf("%.*s", (int)(blank - rule), rule) : NULL;
    if (blank)
        rule = blank + 1 + strspn(blank + 1, " ");
    struct netdev *n = net_user_find(id);
    if (!n) {
        hmp_error(c, id ? "unrecognized netdev id '%s'" : "there is no user network%s", id ? id : "");
    } else {
        char *e = add ? net_user_forward(n, rule) : net_user_unforward(n, rule);
        if (e)
            hmp_error(c, "%s", e);
        else if (!add)
            hmp_error(c, "host forwarding rule for %s removed", rule);
        free(e);
    }
    free(id);
}

static void do_hostfwd_add(struct hmp_call *c) { forward(c, true); }
static void do_hostfwd_remove(struct hmp_call *c) { forward(c, false); }
static void do_help(struct hmp_call *c);
static void do_info(struct hmp_call *c);

static const struct hmp_command commands[] = {
    { "balloon", NULL, "target", "request VM to change its memory allocation (in MB)", do_balloon },
    { "cont", "c", "", "resume emulation", do_cont },
    { "cpu", NULL, "index", "set the default CPU", do_cpu },
    { "gva2gpa", NULL, "addr", "print the guest physical address corresponding to a guest virtual address", hmp_gva2gpa },
    { "help", "?", "[cmd]", "show the help", do_help },
    { "hostfwd_add", NULL, "[netdev_id] [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport",
      "redirect TCP or UDP connections from host to guest (requires -net user)", do_hostfwd_add },
    { "hostfwd_remove", NULL, "[netdev_id] [tcp|udp]:[hostaddr]:hostport", "remove host-to-guest TCP or UDP redirection",
      do_hostfwd_remove },
    { "info", NULL, "[subcommand]", "show various information about the system state", do_info },
    { "log", NULL, "item1[,...]", "activate logging of the specified items", do_log },
    { "print", "p", "/fmt expr", "print expression value (use $reg for CPU register access)", hmp_print },
    { "quit", "q", "", "quit the emulator", do_quit },
    { "stop", "s", "", "stop emulation", do_stop },
    { "system_powerdown", NULL, "", "send system power down event", do_powerdown },
    { "system_reset", NULL, "", "reset the system", do_reset },
    { "x", NULL, "/fmt addr", "virtual memory dump starting at 'addr'", hmp_x },
    { "xp", NULL, "/fmt addr", "physical memory dump starting at 'addr'", hmp_xp },
    { 0 },
};

static bool is(const struct hmp_command *k, const char *word, size_t len)
{
    return (strlen(k->name) == len && !memcmp(k->name, word, len)) || (k->other && strlen(k->other) == len && !memcmp(k->other, word, len));
}

static const struct hmp_command *find(const struct hmp_command *table, const char *word, size_t len)
{
    for (const struct hmp_command *k = table; k->name; k++)
        if (is(k, word, len))
            return k;
    return NULL;
}

static void describe(struct hmp_call *c, const char *prefix, const struct hmp_command *k)
{
    text_printf(c->out, "%s%s%s%s %s -- %s\n", prefix, k->name, k->other ? "|" : "", k->other ? k->other : "", k->args, k->help);
}

static void list_infos(struct hmp_call *c)
{
    for (const struct hmp_command *k = hmp_infos; k->name; k++)
        describe(c, "info ", k);
}

static void do_help(struct hmp_call *c)
{
    if (!strcmp(c->args, "info")) {
        list_infos(c);
        return;
    }
    if (!*c->args)
        for (const struct hmp_command *k = commands; k->name; k++)
            describe(c, "", k);
    const struct hmp_command *k = find(commands, c->args, strlen(c->args));
    if (k)
        describe(c, "", k);
    else if (*c->args)
        hmp_error(c, "unknown command: '%s'", c->args);
}

/* Cut off the first word of C->args, in which a '/' also ends a word ("x/4w"). */
static size_t first_word(const char *s)
{
    size_t n = strcspn(s, " \t");
    const char *slash = memchr(s, '/', n);
    return slash && slash > s ? (size_t)(slash - s) : n;
}

static void do_info(struct hmp_call *c)
{
    const char *word = c->args;
    size_t n = first_word(word);
    if (!n) {
        list_infos(c);
        return;
    }
    const struct hmp_command *k = find(hmp_infos, word, n);
    if (!k) {
        hmp_error(c, "unknown command: 'info %.*s'", (int)n, word);
        return;
    }
    c->args = word + n + strspn(word + n, " \t");
    k->run(c);
}

void hmp_run(struct hmp *h, const char *line, struct text *out)
{
    char *copy = xasprintf("%s", line + strspn(line, " \t\r\n"));
    size_t len = strlen(copy);
    while (len && isspace((unsigned char)copy[len - 1]))
        copy[--len] = 0;
    size_t n = first_word(copy);
    struct hmp_call c = { .h = h, .args = copy + n + strspn(copy + n, " \t"), .out = out };
    const struct hmp_command *k = find(commands, copy, n);
    if (k)
        k->run(&c);
    else if (n)
        hmp_error(&c, "unknown command: '%.*s'", (int)n, copy);
    free(copy);
}
