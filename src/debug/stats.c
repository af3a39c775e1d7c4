/*
 * stats.c - collects the counters of src/mmu and src/xlate and writes them as JSON.
 *
 * Owns no counter. The names are those of MMU_STATS and XLATE_STATS.
 */
#include "debug/stats.h"

#include <errno.h>
#include <jansson.h>

#include "mmu/mmu.h"
#include "xlate/xlate.h"

static json_t *mmu_json(void)
{
    const struct mmu_stats *s = mmu_stats();
    json_t *o = json_object();
#define X(f, meaning) json_object_set_new(o, #f, json_integer((json_int_t)s->f));
    MMU_STATS(X)
#undef X
    json_object_set_new(o, "vmas", json_integer(mmu_vmas()));
    return o;
}

static json_t *xlate_json(void)
{
    const struct xlate_stats *s = xlate_stats();
    json_t *o = json_object();
#define X(f, meaning) json_object_set_new(o, #f, json_integer((json_int_t)s->f));
    XLATE_STATS(X)
#undef X
    if (s->guest_insns)
        json_object_set_new(o, "ns_per_guest_insn", json_real((double)s->translate_ns / (double)s->guest_insns));
    return o;
}

bool stats_write(const char *path)
{
    json_t *o = json_object();
    json_object_set_new(o, "paging", mmu_json());
    json_object_set_new(o, "translation", xlate_json());
    errno = 0;
    bool ok = json_dump_file(o, path, JSON_INDENT(2)) == 0;
    json_decref(o);
    return ok;
}
