/*
 * stats.c - the file that -stats names.
 *
 * Owns the file's layout: objects "run", "config" and one for each module with counters. Times are in seconds (of
 * "exits" in ns), sizes in bytes.
 */
#include "cli/stats.h"

#include <errno.h>
#include <jansson.h>
#include <sys/resource.h>

#include "mmu/mmu.h"
#include "mmu/policy.h"
#include "xlate/xlate.h"

static json_t *run_object(uint64_t elapsed, int status)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return json_pack("{s:f, s:f, s:f, s:I, s:i}", "elapsed", (double)elapsed / 1e9,
                     "user", (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6,
                     "system", (double)u.ru_stime.tv_sec + (double)u.ru_stime.tv_usec / 1e6,
                     "max_rss", (json_int_t)u.ru_maxrss * 1024, "status", status);
}

static json_t *config_object(const struct options *o)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:b, s:s, s:I, s:I}", "paging", opt_choice("paging", o->paging),
                     "sync", opt_choice("sync", o->sync), "spt_org", opt_choice("spt-org", o->spt_org),
                     "spt_windows", (json_int_t)o->spt_windows, "spt_prefill", (json_int_t)o->spt_prefill, "verify", (int)o->verify,
                     "jit", (int)o->jit, "cpu", o->cpu_name ? o->cpu_name : "cortex-a57", "ram", (json_int_t)o->ram_size,
                     "code_size", (json_int_t)o->code_size);
}

static json_t *mmu_object(void)
{
    const struct mmu_stats *s = mmu_stats();
    json_t *j = json_object();
#define X(field, meaning) json_object_set_new(j, #field, json_integer((json_int_t)s->field));
    MMU_STATS(X)
#undef X
    struct mmu_vmas v = mmu_vmas();
    json_object_set_new(j, "vmas", json_integer(v.now));
    json_object_set_new(j, "peak_vmas", json_integer(v.peak));
    json_object_set_new(j, "max_vmas", json_integer(v.max));
    return j;
}

static json_t *exits_object(void)
{
    json_t *j = json_object();
#define X(name, meaning)                                                                            \
    {                                                                                               \
        struct mmu_exits e = mmu_exits(MMU_EXIT_##name);                                            \
        json_object_set_new(j, #name, json_pack("{s:I, s:I}", "count", (json_int_t)e.count, "ns", (json_int_t)e.ns)); \
    }
    MMU_EXITS(X)
#undef X
    return j;
}

static json_t *xlate_object(void)
{
    const struct xlate_stats *s = xlate_stats();
    json_t *j = json_object();
#define X(field, meaning) json_object_set_new(j, #field, json_integer((json_int_t)s->field));
    XLATE_STATS(X)
#undef X
    return j;
}

/* paging=auto: prices, decisions in order, and the spaces that ran most. */
static json_t *policy_object(void)
{
    json_t *j = json_object(), *costs = json_object(), *events = json_array(), *spaces = json_array();
    const struct policy_costs *c = policy_costs();
#define X(field, meaning) json_object_set_new(costs, #field, json_integer((json_int_t)c->field));
    POLICY_COSTS(X)
#undef X
    unsigned n;
    uint64_t lost;
    const struct policy_event *e = policy_events(&n, &lost);
    for (unsigned i = 0; i < n; i++, e++)
        json_array_append_new(events, json_pack("{s:I, s:I, s:i, s:s, s:s, s:I, s:I, s:I}", "ns", (json_int_t)e->at, "root", (json_int_t)e->root,
                                                "asid", (int)e->asid, "mode", e->windows ? "windows" : "softtlb", "reason",
                                                policy_reason_name[e->reason], "balance", (json_int_t)e->balance, "cost",
                                                (json_int_t)e->cost, "pages", (json_int_t)e->pages));
    static struct policy_space sp[256];
    unsigned k = policy_spaces(sp, ARRAY_LEN(sp));
    for (unsigned i = 0; i < k; i++)
        json_array_append_new(spaces, json_pack("{s:I, s:i, s:s, s:i, s:I, s:I, s:I, s:I, s:I}", "root", (json_int_t)sp[i].root, "asid",
                                                (int)sp[i].asid, "mode", sp[i].windows ? "windows" : "softtlb", "demotions",
                                                (int)sp[i].demotions, "user_ns", (json_int_t)sp[i].user_ns, "refills",
                                                (json_int_t)sp[i].refills, "faults", (json_int_t)sp[i].faults, "fills",
                                                (json_int_t)sp[i].fills, "drops", (json_int_t)sp[i].drops));
    json_object_set_new(j, "costs", costs);
    json_object_set_new(j, "events", events);
    json_object_set_new(j, "events_lost", json_integer((json_int_t)lost));
    json_object_set_new(j, "spaces", spaces);
    return j;
}

bool stats_write(const struct options *o, uint64_t elapsed, int status)
{
    json_t *j = json_object();
    json_object_set_new(j, "run", run_object(elapsed, status));
    json_object_set_new(j, "config", config_object(o));
    json_object_set_new(j, "mmu", mmu_object());
    json_object_set_new(j, "exits", exits_object());
    json_object_set_new(j, "xlate", xlate_object());
    if (o->paging == PAGING_AUTO)
        json_object_set_new(j, "policy", policy_object());
    FILE *f = fopen(o->stats, "w");
    bool ok = f && json_dumpf(j, f, JSON_INDENT(2)) == 0 && fputc('\n', f) != EOF;
    if (f && fclose(f))
        ok = false;
    json_decref(j);
    return ok;
}
