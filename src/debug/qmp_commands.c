/*
 * qmp_commands.c - what the commands of QMP do.
 *
 * Owns the table. Shapes of answers are QEMU's (qapi/ *.json there); members for things that do not exist here are left out.
 */
#include <stdlib.h>
#include <string.h>

#include "block/block.h"
#include "board/run.h"
#include "board/virt.h"
#include "debug/qmp.h"
#include "exec/exec.h"
#include "hw/virtio.h"
#include "mem/mem.h"

json_t *qmp_version(void)
{
    return json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "micro", MONITOR_QEMU_MICRO, "minor", MONITOR_QEMU_MINOR, "major",
                     MONITOR_QEMU_MAJOR, "package", monitor.package ? monitor.package : "");
}

static json_t *query_version(struct qmp_call *c) { return qmp_version(); }

static json_t *query_status(struct qmp_call *c)
{
    return json_pack("{s:s, s:b}", "status", run_state_name(run_state()), "running", run_state() == RUN_RUNNING);
}

static json_t *query_name(struct qmp_call *c)
{
    return monitor.name ? json_pack("{s:s}", "name", monitor.name) : json_object();
}

static json_t *query_uuid(struct qmp_call *c)
{
    return json_pack("{s:s}", "UUID", monitor.uuid ? monitor.uuid : "00000000-0000-0000-0000-000000000000");
}

static json_t *query_target(struct qmp_call *c)
{
    return json_pack("{s:s}", "arch", monitor.guest->name);
}

static json_t *query_kvm(struct qmp_call *c)
{
    return json_pack("{s:b, s:b}", "enabled", 0, "present", 0);
}

static json_t *query_commands(struct qmp_call *c)
{
    json_t *list = json_array();
    for (const struct qmp_command *k = qmp_commands; k->name; k++)
        json_array_append_new(list, json_pack("{s:s}", "name", k->name));
    json_array_append_new(list, json_pack("{s:s}", "name", "qmp_capabilities"));
    return list;
}

static json_t *query_machines(struct qmp_call *c)
{
    return json_pack("[{s:b, s:s, s:b, s:i, s:b, s:b}]", "hotpluggable-cpus", 0, "name", "virt", "numa-mem-supported", 0, "cpu-max",
                     VIRT_MAX_CPUS, "deprecated", 0, "is-default", 1);
}

static json_t *query_cpus_fast(struct qmp_call *c)
{
    json_t *list = json_array();
    for (unsigned i = 0; exec_vcpu(i); i++) {
        json_t *props = json_pack("{s:i, s:i, s:i, s:i}", "core-id", (int)i, "thread-id", 0, "socket-id", 0, "cluster-id", 0);
        json_array_append_new(list, json_pack("{s:i, s:o, s:o, s:i, s:s}", "thread-id", exec_thread_id(i), "props", props, "qom-path",
                                              json_sprintf("/machine/unattached/device[%u]", i), "cpu-index", (int)i, "target",
                                              monitor.guest->name));
    }
    return list;
}

static json_t *query_chardev(struct qmp_call *c)
{
    json_t *list = json_array();
    struct chardev_info info;
    for (unsigned i = 0; chardev_describe(i, &info); i++)
        json_array_append_new(list, json_pack("{s:b, s:s, s:s}", "frontend-open", (int)info.attached, "filename", info.filename, "label",
                                              info.label));
    return list;
}

/* The images of D, from the top of the chain down, as BlockDeviceInfo and ImageInfo tell of them. */
static json_t *inserted(const struct monitor_drive *d)
{
    struct block_info top, b;
    json_t *image = NULL, *first = NULL;
    unsigned depth = 0;
    if (!block_describe(d->b, 0, &top))
        bug("a disk without an image");
    for (; block_describe(d->b, depth, &b); depth++) {
        json_t *below = json_pack("{s:s, s:s, s:I}", "filename", b.path, "format", b.format, "virtual-size", (json_int_t)b.size);
        if (image) {
            json_object_set_new(image, "full-backing-filename", json_string(b.path));
            json_object_set_new(image, "backing-filename", json_string(b.path));
            json_object_set_new(image, "backing-image", below);
        } else {
            first = below;
        }
        image = below;
    }
    json_t *cache = json_pack("{s:b, s:b, s:b}", "writeback", !top.writethrough, "direct", top.direct, "no-flush", top.no_flush);
    json_t *j = json_pack("{s:s, s:s, s:b, s:b, s:i, s:o, s:o, s:b}", "file", top.path, "drv", top.format, "ro", top.readonly, "encrypted", 0,
                          "backing_file_depth", (int)depth - 1, "cache", cache, "image", first, "active", 1);
    if (d->node)
        json_object_set_new(j, "node-name", json_string(d->id));
    if (depth > 1 && block_describe(d->b, 1, &b))
        json_object_set_new(j, "backing_file", json_string(b.path));
    return j;
}

static json_t *query_block(struct qmp_call *c)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < monitor.n_drives; i++) {
        const struct monitor_drive *d = &monitor.drives[i];
        json_t *j = json_pack("{s:s, s:b, s:b, s:s}", "device", d->node ? "" : d->id, "locked", 0, "removable", 0, "type", "unknown");
        if (d->b)
            json_object_set_new(j, "inserted", inserted(d));
        json_array_append_new(list, j);
    }
    return list;
}

static bool no_balloon(struct qmp_call *c, bool there)
{
    if (!there)
        (void)qmp_fail(c, "DeviceNotActive", "No balloon device has been activated");
    return !there;
}

static json_t *query_balloon(struct qmp_call *c)
{
    struct virtio_balloon_info b = { 0 };
    return no_balloon(c, virtio_balloon_query(&b)) ? NULL : json_pack("{s:I}", "actual", (json_int_t)b.actual);
}

static json_t *balloon(struct qmp_call *c)
{
    json_int_t v = json_integer_value(json_object_get(c->args, "value"));
    if (v <= 0)
        return qmp_fail(c, "GenericError", "Parameter 'value' expects a size");
    return no_balloon(c, virtio_balloon_set((uint64_t)v)) ? NULL : json_object();
}

static json_t *query_memory(struct qmp_call *c)
{
    return json_pack("{s:I}", "base-memory", (json_int_t)mem_ram.size);
}

static json_t *stop(struct qmp_call *c)
{
    run_pause();
    return json_object();
}

static json_t *cont(struct qmp_call *c)
{
    return run_continue() ? json_object() : qmp_fail(c, "GenericError", "Resetting the Virtual Machine is required");
}

static json_t *system_reset(struct qmp_call *c)
{
    run_request_reset(CAUSE_HOST_QMP_RESET);
    return json_object();
}

static json_t *system_powerdown(struct qmp_call *c)
{
    run_powerdown();
    return json_object();
}

static json_t *quit(struct qmp_call *c)
{
    run_request_shutdown(CAUSE_HOST_QMP_QUIT);
    return json_object();
}

static json_t *set_action(struct qmp_call *c)
{
    const char *reboot = json_string_value(json_object_get(c->args, "reboot"));
    const char *shutdown = json_string_value(json_object_get(c->args, "shutdown"));
    if (reboot && strcmp(reboot, "reset") && strcmp(reboot, "shutdown"))
        return qmp_fail(c, "GenericError", "Parameter 'reboot' does not accept value '%s'", reboot);
    if (shutdown && strcmp(shutdown, "poweroff") && strcmp(shutdown, "pause"))
        return qmp_fail(c, "GenericError", "Parameter 'shutdown' does not accept value '%s'", shutdown);
    if (reboot)
        run_actions.reboot_ends = !strcmp(reboot, "shutdown");
    if (shutdown)
        run_actions.shutdown_pauses = !strcmp(shutdown, "pause");
    return json_object();
}

static json_t *human_monitor_command(struct qmp_call *c)
{
    struct hmp h = HMP_INIT;
    json_t *cpu = json_object_get(c->args, "cpu-index");
    if (cpu) {
        json_int_t n = json_integer_value(cpu);
        if (n < 0 || n > UINT16_MAX || !exec_vcpu((unsigned)n))
            return qmp_fail(c, "GenericError", "Parameter 'cpu-index' expects a CPU number");
        h.cpu = (unsigned)n;
    }
    struct text out = { 0 };
    hmp_run(&h, json_string_value(json_object_get(c->args, "command-line")), &out);
    struct text lines = text_crlf(&out);
    text_free(&out);
    json_t *j = json_stringn(lines.s, lines.len);
    text_free(&lines);
    return j ? j : qmp_fail(c, "GenericError", "the command's output is not text");
}

const struct qmp_command qmp_commands[] = {
    { "balloon", "value:i", balloon },
    { "cont", "", cont },
    { "human-monitor-command", "command-line:s cpu-index:i?", human_monitor_command },
    { "query-balloon", "", query_balloon },
    { "query-block", "", query_block },
    { "query-chardev", "", query_chardev },
    { "query-commands", "", query_commands },
    { "query-cpus-fast", "", query_cpus_fast },
    { "query-kvm", "", query_kvm },
    { "query-machines", "", query_machines },
    { "query-memory-size-summary", "", query_memory },
    { "query-name", "", query_name },
    { "query-status", "", query_status },
    { "query-target", "", query_target },
    { "query-uuid", "", query_uuid },
    { "query-version", "", query_version },
    { "quit", "", quit },
    { "set-action", "reboot:s? shutdown:s?", set_action },
    { "stop", "", stop },
    { "system_powerdown", "", system_powerdown },
    { "system_reset", "", system_reset },
    { 0 },
};
