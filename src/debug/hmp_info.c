/*
 * hmp_info.c - the subcommands of "info".
 *
 * Owns the table. Where scripts read the output (status, usernet, chardev, network, registers) its form is QEMU's.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/block.h"
#include "board/run.h"
#include "board/virt.h"
#include "debug/monitor_impl.h"
#include "exec/exec.h"
#include "hw/net.h"
#include "hw/virtio.h"
#include "mem/mem.h"
#include "mmu/mmu.h"
#include "xlate/xlate.h"

static void info_version(struct hmp_call *c)
{
    text_printf(c->out, "%d.%d.%d (%s)\n", MONITOR_QEMU_MAJOR, MONITOR_QEMU_MINOR, MONITOR_QEMU_MICRO,
                monitor.package ? monitor.package : "");
}

static void info_status(struct hmp_call *c)
{
    enum run_state s = run_state();
    if (s == RUN_RUNNING || s == RUN_PAUSED)
        text_printf(c->out, "VM status: %s\n", run_state_name(s));
    else
        text_printf(c->out, "VM status: paused (%s)\n", run_state_name(s));
}

static void info_name(struct hmp_call *c)
{
    if (monitor.name)
        text_printf(c->out, "%s\n", monitor.name);
}

static void info_uuid(struct hmp_call *c)
{
    text_printf(c->out, "%s\n", monitor.uuid ? monitor.uuid : "00000000-0000-0000-0000-000000000000");
}

static void info_cpus(struct hmp_call *c)
{
    for (unsigned i = 0; exec_vcpu(i); i++)
        text_printf(c->out, "%c CPU #%u: thread_id=%d\n", i == c->h->cpu ? '*' : ' ', i, exec_thread_id(i));
}

/* guest_ops.dump() knows no opaque pointer: everything here runs on one thread. */
static struct text *dump_to;

static void PRINTF_LIKE(1, 2) dump_out(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    text_vprintf(dump_to, fmt, ap);
    va_end(ap);
}

static void info_registers(struct hmp_call *c)
{
    bool all = strstr(c->args, "-a");
    run_hold();
    dump_to = c->out;
    for (unsigned i = 0; exec_vcpu(i); i++)
        if (all || exec_vcpu(i) == hmp_vcpu(c)) {
            text_printf(c->out, "\nCPU#%u\n", i);
            monitor.guest->dump(exec_vcpu(i), dump_out);
        }
    dump_to = NULL;
    run_release();
}

static void info_mtree(struct hmp_call *c)
{
    text_printf(c->out, "address-space: memory\n  %016llx-%016llx (prio 0, i/o): system\n", 0ull, ~0ull);
    bool ram = false;
    struct mem_range r;
    for (unsigned i = 0;; i++) {
        bool more = mem_mmio_range(i, &r);
        if (!ram && (!more || r.base > mem_ram.base)) {
            ram = true;
            text_printf(c->out, "    %016llx-%016llx (prio 0, ram): ram\n", (unsigned long long)mem_ram.base,
                        (unsigned long long)(mem_ram.base + mem_ram.size - 1));
        }
        if (!more)
            break;
        text_printf(c->out, "    %016llx-%016llx (prio 0, i/o): %s\n", (unsigned long long)r.base,
                    (unsigned long long)(r.base + r.size - 1), r.name);
    }
}

struct chip_run {
    struct text *out;
    const char *name;
    unsigned n;
};

static void end_of_run(struct chip_run *r)
{
    if (r->n > 1)
        text_printf(r->out, "  dev: %s, %u of them\n", r->name, r->n);
    else if (r->n)
        text_printf(r->out, "  dev: %s\n", r->name);
    r->n = 0;
}

static void chip(void *opaque, const struct device *d)
{
    struct chip_run *r = opaque;
    if (r->n && strcmp(r->name, d->name))
        end_of_run(r);
    r->name = d->name;
    r->n++;
}

static void info_qtree(struct hmp_call *c)
{
    struct chip_run r = { .out = c->out };
    text_printf(c->out, "bus: main-system-bus\n  type System\n");
    virt_each_device(chip, &r);
    end_of_run(&r);
    for (unsigned i = 0; i < monitor.n_devices; i++) {
        const struct monitor_device *d = &monitor.devices[i];
        text_printf(c->out, "  dev: %s, id \"%s\", bus %s%s%s\n", d->name, d->id ? d->id : "", d->bus, d->peer ? ", of " : "",
                    d->peer ? d->peer : "");
    }
}

static void info_usernet(struct hmp_call *c)
{
    struct netdev *n;
    for (unsigned i = 0; (n = net_user_nth(i)); i++) {
        char *s = net_user_connections(n);
        text_printf(c->out, "Hub -1 (%s):\n%s", n->id ? n->id : "", s);
        free(s);
    }
}

static void info_network(struct hmp_call *c)
{
    struct netdev *n;
    for (unsigned i = 0; (n = net_user_nth(i)); i++) {
        char *s = net_user_describe(n);
        for (unsigned k = 0; k < monitor.n_devices; k++)
            if (n->id && monitor.devices[k].peer && !strcmp(monitor.devices[k].peer, n->id))
                text_printf(c->out, "%s.%u: index=0,type=nic,model=%s\n \\ ", monitor.devices[k].name, k, monitor.devices[k].name);
        text_printf(c->out, "%s: index=0,type=user,%s\n", n->id ? n->id : "", s);
        free(s);
    }
}

static void info_chardev(struct hmp_call *c)
{
    struct chardev_info info;
    for (unsigned i = 0; chardev_describe(i, &info); i++)
        text_printf(c->out, "%s: filename=%s\n", info.label, info.filename);
}

static void info_block(struct hmp_call *c)
{
    for (unsigned i = 0; i < monitor.n_drives; i++) {
        const struct monitor_drive *d = &monitor.drives[i];
        struct block_info b;
        text_printf(c->out, "%s%s: ", i ? "\n" : "", d->id);
        if (!d->b || !block_describe(d->b, 0, &b)) {
            text_printf(c->out, "%s (no device uses it)\n", d->file ? d->file : "");
            continue;
        }
        text_printf(c->out, "%s (%s%s)\n    Cache mode:       %s%s%s\n", b.path, b.format, b.readonly ? ", read-only" : "",
                    b.writethrough ? "writethrough" : "writeback", b.direct ? ", direct" : "", b.no_flush ? ", ignore flushes" : "");
        unsigned depth = 0;
        while (block_describe(d->b, depth + 1, &b))
            depth++;
        if (depth && block_describe(d->b, 1, &b))
            text_printf(c->out, "    Backing file:     %s (chain depth: %u)\n", b.path, depth);
    }
}

static const char *const balloon_stats[VIRTIO_BALLOON_STATS] = {
    "swap-in", "swap-out", "major-faults", "minor-faults", "free-memory", "total-memory", "available-memory", "disk-caches",
    "htlb-pgalloc", "htlb-pgfail",
};

/* What the guest has, in MiB; then what it last said of its memory, in bytes and events. */
static void info_balloon(struct hmp_call *c)
{
    struct virtio_balloon_info b;
    if (!virtio_balloon_query(&b)) {
        hmp_error(c, "Error: No balloon device has been activated");
        return;
    }
    text_printf(c->out, "balloon: actual=%llu\n", (unsigned long long)b.actual >> 20);
    for (unsigned i = 0; i < VIRTIO_BALLOON_STATS; i++)
        if (b.have >> i & 1 && balloon_stats[i])
            text_printf(c->out, "  %s=%llu\n", balloon_stats[i], (unsigned long long)b.stat[i]);
}

static void info_paging(struct hmp_call *c)
{
    const struct mmu_stats *s = mmu_stats();
    struct mmu_vmas v = mmu_vmas();
    text_printf(c->out, "paging=%s, %u host mappings in windows (at most %u so far, budget %u)\n", mmu_paging_name(), v.now, v.peak, v.max);
#define X(field, meaning) text_printf(c->out, "%-16s %12llu  %s\n", #field, (unsigned long long)s->field, meaning);
    MMU_STATS(X)
#undef X
#define X(name, meaning)                                                                                                    \
    text_printf(c->out, "exits: %-16s %12llu %9.1f ms  %s\n", #name, (unsigned long long)mmu_exits(MMU_EXIT_##name).count,   \
                (double)mmu_exits(MMU_EXIT_##name).ns / 1e6, meaning);
    MMU_EXITS(X)
#undef X
}

static void info_jit(struct hmp_call *c)
{
    const struct xlate_stats *s = xlate_stats();
#define X(field, meaning) text_printf(c->out, "%-16s %12llu  %s\n", #field, (unsigned long long)s->field, meaning);
    XLATE_STATS(X)
#undef X
}

static void info_kvm(struct hmp_call *c) { text_printf(c->out, "kvm support: not compiled\n"); }

const struct hmp_command hmp_infos[] = {
    { "balloon", NULL, "", "show balloon information", info_balloon },
    { "block", NULL, "", "show the disks", info_block },
    { "chardev", NULL, "", "show the character devices", info_chardev },
    { "cpus", NULL, "", "show infos for each CPU", info_cpus },
    { "jit", NULL, "", "show what translation counted", info_jit },
    { "kvm", NULL, "", "show KVM information", info_kvm },
    { "mem", NULL, "", "show the active virtual memory mappings", hmp_info_mem },
    { "mtree", NULL, "", "show memory tree", info_mtree },
    { "name", NULL, "", "show the current VM name", info_name },
    { "network", NULL, "", "show the network state", info_network },
    { "paging", NULL, "", "show what memory virtualisation counted", info_paging },
    { "qtree", NULL, "", "show device tree", info_qtree },
    { "registers", NULL, "[-a]", "show the cpu registers (-a: all CPUs)", info_registers },
    { "status", NULL, "", "show the current VM status (running|paused)", info_status },
    { "tlb", NULL, "", "show virtual to physical memory mappings", hmp_info_tlb },
    { "usernet", NULL, "", "show user network stack connection states", info_usernet },
    { "uuid", NULL, "", "show the current VM UUID", info_uuid },
    { "version", NULL, "", "show the version of the emulator", info_version },
    { 0 },
};
