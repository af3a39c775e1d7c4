/*
 * options.c - the table of options, in QEMU's spelling, and the walk over the command line.
 *
 * Owns the table: one line an option. Must not know how an option is carried out.
 */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define fail(...) xasprintf(__VA_ARGS__)

/* ---- handlers: NULL or an error ---- */

#define SETTER(field) static char *set_##field(struct options *o, const char *arg) { o->field = arg; return NULL; }
SETTER(bios) SETTER(kernel) SETTER(initrd) SETTER(append) SETTER(dtb) SETTER(pidfile) SETTER(stats) SETTER(log_file)

#define FLAG(field) static char *flag_##field(struct options *o, const char *arg) { o->field = true; return NULL; }
FLAG(daemonize) FLAG(nographic) FLAG(nodefaults) FLAG(no_reboot) FLAG(no_shutdown) FLAG(start_paused) FLAG(snapshot)

static char *ignore(struct options *o, const char *arg)
{
    return NULL;
}

static char *show_help(struct options *o, const char *arg)
{
    o->info = INFO_HELP;
    return NULL;
}

static char *show_version(struct options *o, const char *arg)
{
    o->info = INFO_VERSION;
    return NULL;
}

static char *set_serial(struct options *o, const char *arg)
{
    if (o->n_serial == OPT_MAX_SERIALS)
        return fail("too many serial ports");
    o->serial[o->n_serial++] = arg;
    return NULL;
}

static char *add_monitor(struct options *o, const char *where, bool qmp, bool pretty)
{
    o->monitor_given = true;
    if (!strcmp(where, "none") || !strcmp(where, "null"))
        return NULL;
    if (o->n_monitor == OPT_MAX_SERIALS)
        return fail("too many monitors");
    o->monitor[o->n_monitor++] = (struct opt_monitor){ where, qmp, pretty };
    return NULL;
}

static char *set_gdb(struct options *o, const char *arg)
{
    o->gdb = strcmp(arg, "none") ? arg : NULL;
    return NULL;
}

static char *flag_gdb(struct options *o, const char *arg) { return set_gdb(o, "tcp::1234"); }

static char *set_monitor(struct options *o, const char *arg) { return add_monitor(o, arg, false, false); }
static char *set_qmp(struct options *o, const char *arg) { return add_monitor(o, arg, true, false); }
static char *set_qmp_pretty(struct options *o, const char *arg) { return add_monitor(o, arg, true, true); }

/* -mon [chardev=]ID[,mode=readline|control][,pretty=on|off] */
static char *set_mon(struct options *o, const char *arg)
{
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, "chardev");
    if (err)
        return fail("%s", err);
    const char *id = NULL;
    bool qmp = false, pretty = false;
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        if (!strcmp(key, "chardev"))
            id = v;
        else if (!strcmp(key, "mode") && (!strcmp(v, "readline") || !strcmp(v, "control")))
            qmp = *v == 'c';
        else if (!strcmp(key, "pretty")) {
            if (!parse_bool(v, &pretty))
                return fail("pretty=%s: want on or off", v);
        } else if (strcmp(key, "id")) {
            return !strcmp(key, "mode") ? fail("mode=%s: want readline or control", v) : fail("a monitor has no property '%s'", key);
        }
    }
    return id ? add_monitor(o, xasprintf("chardev:%s", id), qmp, pretty) : fail("chardev=ID is missing");
}

static char *set_display(struct options *o, const char *arg)
{
    if (strcmp(arg, "none"))
        return fail("there is no display: only 'none'");
    o->display_none = true;
    return NULL;
}

static char *only_none(struct options *o, const char *arg)
{
    return strcmp(arg, "none") && strcmp(arg, "null") ? fail("only 'none' is available yet") : NULL;
}

static char *set_log(struct options *o, const char *arg)
{
    if (opt_is_help(arg)) {
        o->info = INFO_LOG;
        return NULL;
    }
    const char *bad = log_set(arg);
    return bad ? fail("unknown log item '%.*s' (-d help lists them)", (int)strcspn(bad, ","), bad) : NULL;
}

static char *set_echr(struct options *o, const char *arg)
{
    uint64_t v;
    if (!parse_uint(arg, &v) || v < 1 || v > 31)
        return fail("want the number of a control character, 1 (Ctrl-A) to 31");
    o->escape = (uint8_t)v;
    return NULL;
}

/* There is no watchdog and no panic device: what they would do is accepted. */
static char *set_action(struct options *o, const char *arg)
{
    static const struct { const char *key, *values[6]; } actions[] = {
        { "reboot", { "reset", "shutdown" } },
        { "shutdown", { "poweroff", "pause" } },
        { "panic", { "shutdown", "pause", "exit-failure", "none" } },
        { "watchdog", { "reset", "shutdown", "poweroff", "pause", "debug", "none" } },
    };
    struct keyvals k;
    const char *err = keyvals_parse(&k, arg, NULL);
    if (err)
        return fail("%s", err);
    for (unsigned i = 0; i < k.n; i++) {
        const char *key = k.kv[i].key, *v = k.kv[i].value;
        bool known = false, fits = false;
        for (unsigned n = 0; n < ARRAY_LEN(actions); n++)
            for (unsigned m = 0; !strcmp(actions[n].key, key) && m < 6 && actions[n].values[m]; m++) {
                known = true;
                fits |= !strcmp(actions[n].values[m], v);
            }
        if (!fits)
            return known ? fail("%s=%s: there is no such action", key, v) : fail("there is no event '%s'", key);
        if (!strcmp(key, "reboot"))
            o->no_reboot = !strcmp(v, "shutdown");
        else if (!strcmp(key, "shutdown"))
            o->no_shutdown = !strcmp(v, "pause");
    }
    return NULL;
}

/* Known to QEMU's users, not here yet: say that, rather than that there is no such option. */
static char *missing(struct options *o, const char *arg)
{
    return fail("not implemented yet");
}

/* ---- the table ---- */

struct option {
    const char *name;                            /* without dash */
    bool has_arg;
    char *(*handle)(struct options *o, const char *arg);
    const char *help;                            /* "ARGUMENT\0text"; NULL: not listed */
};

#define H(arg, text) arg "\0" text

static const struct option table[] = {
    { "h", false, show_help, NULL },
    { "help", false, show_help, H("", "this list") },
    { "version", false, show_version, H("", "version") },
    { "M", true, opt_machine, NULL },
    { "machine", true, opt_machine, H("virt[,PROP=V]", "board: gic-version=2|3|max, dumpdtb=FILE, dtb-randomness=off, accel=gnomon") },
    { "cpu", true, opt_cpu, H("MODEL", "cortex-a53, cortex-a57, cortex-a72 or max") },
    { "smp", true, opt_smp, H("N", "number of CPUs") },
    { "m", true, opt_mem, H("SIZE", "guest RAM, in MiB without a suffix [128]") },
    { "accel", true, opt_accel, H("gnomon[,PROP=V]", "jit=on|off, paging=auto|shadow|softtlb, verify=on|off, windows=N, max-vmas=N, "
                                  "code-size=SIZE, ... (-accel help)") },
    { "kernel", true, set_kernel, H("FILE", "Linux arm64 kernel (Image)") },
    { "initrd", true, set_initrd, H("FILE", "initial RAM disk") },
    { "append", true, set_append, H("TEXT", "kernel command line") },
    { "dtb", true, set_dtb, H("FILE", "device tree instead of the board's own") },
    { "bios", true, set_bios, H("FILE", "firmware, the contents of the first flash bank") },
    { "pflash", true, opt_pflash, H("FILE", "image of the next flash bank (64 MiB), as -drive if=pflash,unit=0|1,file=FILE") },
    { "fw_cfg", true, opt_fw_cfg, H("name=opt/NAME,file=FILE", "a file for firmware and guest in the fw_cfg device; or string=TEXT") },
    { "nographic", false, flag_nographic, H("", "serial port 0 on the terminal, with Ctrl-A x to quit") },
    { "serial", true, set_serial, H("WHERE", "stdio, mon:stdio, file:, pty, pipe:, unix:, tcp:, telnet:, null, none or chardev:ID") },
    { "chardev", true, opt_chardev, H("KIND,id=ID[,..]", "stdio, file, pty, pipe, socket or null, with their properties, mux=on, logfile=FILE") },
    { "device", true, opt_device, H("NAME[,PROP=V]", "virtio-{9p,balloon,blk,net,rng,serial}-{device,pci}, virtconsole, virtserialport (-device help)") },
    { "object", true, opt_object, H("KIND,id=ID", "rng-random, memory-backend-file, ... (-object help)") },
    { "monitor", true, set_monitor, H("WHERE", "human monitor, where as for -serial") },
    { "qmp", true, set_qmp, H("WHERE", "QMP server") },
    { "qmp-pretty", true, set_qmp_pretty, H("WHERE", "the same with indented JSON") },
    { "mon", true, set_mon, H("chardev=ID[,mode=control]", "human monitor (or QMP server) on a chardev") },
    { "display", true, set_display, H("none", "no display") },
    { "vga", true, only_none, H("none", "no display") },
    { "parallel", true, only_none, H("none", "no parallel port") },
    { "drive", true, opt_drive,
      H("file=FILE[,PROP=V]", "disk: if=virtio|none|pflash, format=raw|qcow2, id=, readonly=on, snapshot=on, cache=, discard=unmap, serial=") },
    { "blockdev", true, opt_blockdev, H("DRIVER,node-name=ID", "disk for a -device: qcow2, raw, file or host_device, with filename= or file=; or JSON") },
    { "hda", true, opt_disk, H("FILE", "disk, as an argument without a dash") },
    { "snapshot", false, flag_snapshot, H("", "writes to all disks are thrown away at the end") },
    { "netdev", true, opt_netdev, H("user,id=ID[,PROP=V]", "user network: hostfwd=, guestfwd=, restrict=on, net=, host=, dns=, dhcpstart=, tftp=") },
    { "nic", true, opt_nic, H("user[,PROP=V]", "network and its card: model=virtio-net-pci|virtio-net-device, mac=; or none") },
    { "net", true, opt_net, H("nic|user|none", "the older form: -net nic -net user") },
    { "virtfs", true, opt_virtfs, H("local,path=DIR,mount_tag=TAG", "share a folder: security_model=none|mapped-xattr|mapped-file|passthrough, "
                                    "readonly=on, multidevs=remap|forbid|warn, fmode=, dmode=") },
    { "fsdev", true, opt_fsdev, H("local,id=ID,path=DIR[,..]", "the same for a -device virtio-9p-pci,fsdev=ID,mount_tag=TAG") },
    { "nodefaults", false, flag_nodefaults, H("", "only the devices asked for") },
    { "no-user-config", false, ignore, H("", "accepted") },
    { "no-reboot", false, flag_no_reboot, H("", "a guest reboot ends the run") },
    { "no-shutdown", false, flag_no_shutdown, H("", "a guest power-off stops the machine and keeps it") },
    { "action", true, set_action, H("EVENT=ACTION", "reboot=reset|shutdown, shutdown=poweroff|pause") },
    { "S", false, flag_start_paused, H("", "do not start the CPUs: a monitor's cont or a debugger does") },
    { "gdb", true, set_gdb, H("DEV", "GDB server: tcp:HOST:PORT, unix:PATH, or a character device's words; none") },
    { "s", false, flag_gdb, H("", "the same as -gdb tcp::1234") },
    { "name", true, opt_name, H("TEXT", "the guest's name, for monitors; process=NAME: the program's, for ps") },
    { "uuid", true, opt_uuid, H("UUID", "the guest's, for monitors") },
    { "rtc", true, opt_rtc, H("base=WHEN", "the clock chip's time: utc, localtime or YYYY-MM-DDTHH:MM:SS") },
    { "global", true, opt_global, H("DRIVER.PROP=V", "default of a property of -device DRIVER") },
    { "numa", true, opt_numa, H("node,memdev=ID", "one node, on a memory backend") },
    { "boot", true, opt_boot, H("ORDER", "accepted: what boots is -kernel") },
    { "daemonize", false, flag_daemonize, H("", "go into the background when the machine is there") },
    { "pidfile", true, set_pidfile, H("FILE", "write the process id there") },
    { "d", true, set_log, H("LIST", "log channels (-d help lists them)") },
    { "D", true, set_log_file, H("FILE", "log there instead of standard error") },
    { "stats", true, set_stats, H("FILE", "write counters there at the end (JSON)") },
    { "echr", true, set_echr, H("N", "escape character of multiplexed consoles [1, Ctrl-A]") },
    { "L", true, ignore, NULL },
    { "k", true, ignore, NULL },                 /* keyboard layout of a screen */
    { "no-acpi", false, ignore, NULL },
    { "msg", true, opt_msg, NULL },
    { "overcommit", true, ignore, NULL },
    { "hdb", true, opt_disk, NULL }, { "hdc", true, opt_disk, NULL }, { "hdd", true, opt_disk, NULL },
    { "cdrom", true, opt_cdrom, NULL },
    { "smbios", true, missing, NULL },
    { "enable-kvm", false, missing, NULL }, { "icount", true, missing, NULL }, { "vnc", true, missing, NULL },
    { "trace", true, missing, NULL }, { "loadvm", true, missing, NULL }, { "readconfig", true, missing, NULL },
    { "semihosting", false, missing, NULL }, { "usb", false, missing, NULL }, { "usbdevice", true, missing, NULL }, { "sd", true, missing, NULL },
    { "mtdblock", true, missing, NULL }, { "fda", true, missing, NULL }, { "fdb", true, missing, NULL }, { "spice", true, missing, NULL },
    { "full-screen", false, missing, NULL }, { "audio", true, missing, NULL }, { "audiodev", true, missing, NULL },
    { "mem-path", true, missing, NULL }, { "mem-prealloc", false, missing, NULL }, { "sandbox", true, missing, NULL },
    { "chroot", true, missing, NULL }, { "runas", true, missing, NULL }, { "run-with", true, missing, NULL },
    { "add-fd", true, missing, NULL }, { "set", true, missing, NULL }, { "semihosting-config", true, missing, NULL },
    { "acpitable", true, missing, NULL }, { "tpmdev", true, missing, NULL }, { "plugin", true, missing, NULL },
    { "only-migratable", false, missing, NULL }, { "preconfig", false, missing, NULL }, { "compat", true, missing, NULL },
    { "watchdog-action", true, missing, NULL }, { "debugcon", true, missing, NULL }, { "g", true, missing, NULL },
    { "shim", true, missing, NULL }, { "dfilter", true, missing, NULL }, { "seed", true, missing, NULL },
    { "incoming", true, missing, NULL },
};

/* Devices take the defaults that are written behind them, too: EARLY is the pass that only reads those. */
static bool is_early(const struct option *opt)
{
    return opt->handle == opt_global;
}

static char *parse_words(struct options *o, int argc, char *const argv[], bool early)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *name = word;
        if (*name != '-') {
            char *err = early ? NULL : opt_disk(o, word);
            if (err)
                return fail("%s: %s", word, err);
            continue;
        }
        name += name[1] == '-' ? 2 : 1;
        const struct option *opt = NULL;
        for (unsigned n = 0; n < ARRAY_LEN(table) && *name; n++)
            if (!strcmp(table[n].name, name))
                opt = &table[n];
        if (!opt)
            return early ? NULL : fail("%s: invalid option", word);
        if (opt->has_arg && i + 1 == argc)
            return early ? NULL : fail("%s: requires an argument", word);
        const char *arg = opt->has_arg ? argv[++i] : NULL;
        if (is_early(opt) != early)
            continue;
        char *err = opt->handle(o, arg);
        if (err)
            return arg ? fail("%s %s: %s", word, arg, err) : fail("%s: %s", word, err);
        if (o->info)
            return NULL;
    }
    return NULL;
}

char *options_parse(struct options *o, int argc, char *const argv[])
{
    *o = (struct options){
        .gic_version = 2, .dtb_randomness = true, .model = A64_CORTEX_A57, .cpu_name = NULL, .ram_size = OPT_DEFAULT_RAM, .smp = 1,
        .jit = true, .code_size = OPT_DEFAULT_CODE, .escape = 1,
    };
    const char *slash = strrchr(argv[0], '/');
    o->called_qemu = !strncmp(slash ? slash + 1 : argv[0], "qemu-system-", 12);
    char *err = parse_words(o, argc, argv, true);
    if (!err && !o->info)
        err = parse_words(o, argc, argv, false);
    if (err || o->info)
        return err;
    err = opt_check_references(o);
    return err ? err : opt_check_memory(o);
}

const char *options_serial0(const struct options *o)
{
    if (o->n_serial)
        return strcmp(o->serial[0], "none") ? o->serial[0] : NULL;
    if (o->nodefaults || !o->nographic)
        return NULL;
    return o->monitor_given ? "stdio" : "mon:stdio";
}

const char *options_default_monitor(const struct options *o)
{
    /* Without -nographic it is in a window, and there is none. */
    bool muxed = false;
    for (unsigned i = 0; i < o->n_serial; i++)
        muxed |= !strncmp(o->serial[i], "mon:", 4);
    return o->nographic && !o->nodefaults && !o->monitor_given && o->n_serial && !muxed ? "stdio" : NULL;
}

static void print_help(void)
{
    printf("usage: gnomon-system-aarch64 [OPTION]...\n"
           "An AArch64 machine. Options are spelt as qemu-system-aarch64 spells them, with one dash or two.\n\n");
    for (unsigned n = 0; n < ARRAY_LEN(table); n++) {
        const struct option *t = &table[n];
        if (!t->help)
            continue;
        char left[64];
        snprintf(left, sizeof(left), "-%s %s", t->name, t->help);
        const char *text = t->help + strlen(t->help) + 1;
        printf(strlen(left) > 26 ? "  %s\n%30s%s\n" : "  %-26s%.0s  %s\n", left, "", text);
    }
    printf("\n-machine, -cpu, -accel, -device, -netdev, -chardev, -object and -d list what there is with 'help'.\n");
}

/* Scripts compare the version of what is called QEMU. */
static void print_version(const struct options *o)
{
    if (o->called_qemu)
        printf("QEMU emulator version %s (gnomon %s)\n", OPT_QEMU_VERSION, GNOMON_VERSION);
    else
        printf("gnomon emulator version %s\n", GNOMON_VERSION);
}

void options_print_info(const struct options *o)
{
    switch (o->info) {
    case INFO_NONE: break;
    case INFO_HELP: print_help(); break;
    case INFO_VERSION: print_version(o); break;
    case INFO_MACHINES: opt_print_machines(); break;
    case INFO_CPUS: opt_print_cpus(); break;
    case INFO_LOG: log_help(); break;
    case INFO_ACCELS: opt_print_accels(); break;
    case INFO_DEVICES: opt_print_devices(); break;
    case INFO_CHARDEVS: opt_print_chardevs(); break;
    case INFO_OBJECTS: opt_print_objects(); break;
    case INFO_NETDEVS: printf("Available netdev backend types:\nuser\n"); break;
    }
}
