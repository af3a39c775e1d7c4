/*
 * main.c - from a command line to a running machine and its exit status.
 *
 * Owns the order in which modules are set up, the pid file and the signals that end a run. Must not know chips or guests.
 *
 * Exit status: 0 when the guest powers off (or reboots under -no-reboot) or the user quits, 1 for a user's mistake.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "board/run.h"
#include "board/virt.h"
#include "cli/options.h"
#include "cli/stats.h"
#include "debug/gdb.h"
#include "debug/monitor.h"
#include "exec/exec.h"
#include "block/block.h"
#include "hw/chardev.h"
#include "hw/net.h"
#include "hw/virtio.h"
#include "mem/mem.h"
#include "mmu/mmu.h"
#include "xlate/xlate.h"

/* ---- which guest: the program may be called by a machine's name, as QEMU's binaries are ---- */

static void choose_guest(int *argc, char ***argv)
{
    const char *slash = strrchr((*argv)[0], '/'), *name = slash ? slash + 1 : (*argv)[0];
    const char *system = strstr(name, "-system-");
    if (system) {
        system += strlen("-system-");
    } else if (*argc > 1 && !strncmp((*argv)[1], "system-", 7)) {
        system = (*argv)[1] + 7;                 /* gnomon system-aarch64 ... */
        ++*argv;
        --*argc;
    }
    if (system && strcmp(system, "aarch64"))
        die("there is no guest '%s' yet: aarch64", system);
}

/* ---- character devices ---- */

struct opened {
    const struct options *o;
    struct chardev *by_index[OPT_MAX_CHARDEVS];
    bool stdio_taken;
};

static void take_stdio(struct opened *c, const char *who)
{
    if (c->stdio_taken)
        die("%s: standard input and output are in use by another device", who);
    c->stdio_taken = true;
}

static struct chardev *open_chardev(struct opened *c, const char *id, const char *who)
{
    const struct opt_chardev *d = opt_find_chardev(c->o, id);
    unsigned i = (unsigned)(d - c->o->chardev);
    if (c->by_index[i] && d->mux)
        return c->by_index[i];                   /* a multiplexer takes several fronts */
    if (c->by_index[i])
        die("%s: chardev '%s' is in use by another device", who, id);
    struct chardev *back = NULL;
    switch (d->kind) {
    case OPT_CHR_NULL: back = chardev_null(); break;
    case OPT_CHR_FILE: back = chardev_file(d->path, d->append); break;
    case OPT_CHR_PTY: back = chardev_pty_labelled(d->id); break;
    case OPT_CHR_PIPE: back = chardev_pipe(d->path); break;
    case OPT_CHR_SOCKET: {
        const struct chardev_socket sock = {
            .path = d->path, .host = d->host, .port = d->port, .server = d->server, .wait = d->wait, .telnet = d->telnet,
            .reconnect = d->reconnect ? (unsigned)strtoul(d->reconnect, NULL, 0) : 0,
        };
        back = chardev_socket(&sock);
        break;
    }
    case OPT_CHR_STDIO:
        take_stdio(c, who);
        back = chardev_stdio(d->signals && !d->mux);
        break;
    }
    if (d->logfile)
        chardev_set_log(back, d->logfile, d->logappend);
    c->by_index[i] = d->mux ? chardev_mux(back) : back;
    chardev_set_label(c->by_index[i], d->id);
    return c->by_index[i];
}

/* The words of -serial, -monitor and -qmp; WHO is the option. */
static struct chardev *open_words(struct opened *c, const char *who, const char *spec, const char *label)
{
    if (!strncmp(spec, "chardev:", 8))
        return open_chardev(c, spec + 8, who);
    struct chardev *s;
    if (!strncmp(spec, "vc", 2) && (!spec[2] || spec[2] == ':')) {
        s = chardev_null();                      /* a text console in a window that is not there */
    } else {
        if (!strcmp(spec, "stdio") || !strcmp(spec, "mon:stdio"))
            take_stdio(c, who);
        s = chardev_open(spec);
    }
    if (!s)
        die("%s %s: unknown character device", who, spec);
    chardev_set_label(s, label);
    return s;
}

static struct chardev *open_serial(struct opened *c, const char *spec, unsigned n)
{
    struct chardev *s = open_words(c, "-serial", spec, xasprintf("serial%u", n));
    if (!strncmp(spec, "mon:", 4))
        monitor_add_hmp(s);
    return s;
}

/* Before the devices: the one that is attached last has a multiplexer's focus. */
static void open_monitors(struct opened *c, const struct options *o)
{
    const char *by_default = options_default_monitor(o);
    if (by_default)
        monitor_add_hmp(open_words(c, "-monitor", by_default, "compat_monitor0"));
    for (unsigned i = 0; i < o->n_monitor; i++) {
        const struct opt_monitor *m = &o->monitor[i];
        struct chardev *s = open_words(c, m->qmp ? "-qmp" : "-monitor", m->where, xasprintf("compat_monitor%u", i));
        if (m->qmp)
            monitor_add_qmp(s, m->pretty);
        else
            monitor_add_hmp(s);
    }
}

/* A server that waits for nobody, unless the words say otherwise; as QEMU does. */
static void open_gdb(struct opened *c, const char *words)
{
    bool socket = !strncmp(words, "tcp:", 4) || !strncmp(words, "unix:", 5);
    const char *spec = socket && !strstr(words, ",server") ? xasprintf("%s,server=on,wait=off", words) : words;
    gdb_add(open_words(c, "-gdb", spec, "gdb"), &a64_guest_ops);
}

static struct monitor_drive *drives;             /* as struct options has them */

/* What monitors tell of the command line. */
static void describe_machine(const struct options *o)
{
    struct monitor_config m = {
        .package = "gnomon " GNOMON_VERSION, .name = o->name, .uuid = o->uuid, .machine = "virt", .guest = &a64_guest_ops,
        .n_drives = o->n_drive, .n_devices = o->n_dev,
    };
    drives = xcalloc(o->n_drive + 1, sizeof *drives);
    for (unsigned i = 0; i < o->n_drive; i++)
        drives[i] = (struct monitor_drive){ o->drive[i].id, !o->drive[i].drive, o->drive[i].b.path, NULL };
    struct monitor_device *devices = xcalloc(o->n_dev + 1, sizeof *devices);
    static const char *const kinds[] = {
        [OPT_DEV_RNG] = "virtio-rng", [OPT_DEV_CONSOLE] = "virtio-serial", [OPT_DEV_BLK] = "virtio-blk", [OPT_DEV_NET] = "virtio-net",
        [OPT_DEV_9P] = "virtio-9p", [OPT_DEV_BALLOON] = "virtio-balloon",
    };
    for (unsigned i = 0; i < o->n_dev; i++) {
        const struct opt_device *d = &o->dev[i];
        devices[i] = (struct monitor_device){
            .name = xasprintf("%s-%s", kinds[d->kind], d->pci ? "pci" : "device"), .id = d->id,
            .bus = d->pci ? "pcie.0" : "virtio-mmio", .peer = d->drive ? d->drive : d->netdev ? d->netdev : d->fsdev ? d->fsdev :
                    d->n_port ? d->port[0].chardev : NULL,
        };
    }
    m.drives = drives;
    m.devices = devices;
    monitor_init(&m);
}

/* ---- ending ---- */

static const char *pidfile;

static void remove_pidfile(void)
{
    if (pidfile)
        unlink(pidfile);
}

/* -daemonize: the caller's process waits until the machine is there, or the child has said what is wrong. */
static int daemon_fd = -1;

static void go_into_background(const struct options *o)
{
    int fd[2], status;
    const char *serial = options_serial0(o);
    if (o->nographic || (serial && strstr(serial, "stdio")))
        die("-daemonize: the terminal cannot be used (-nographic, -serial stdio)");
    if (pipe2(fd, O_CLOEXEC) < 0)
        die("-daemonize: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        die("-daemonize: %s", strerror(errno));
    if (pid == 0) {
        close(fd[0]);
        daemon_fd = fd[1];
        setsid();
        return;
    }
    char ready;
    close(fd[1]);
    ssize_t n = read(fd[0], &ready, 1);
    if (n != 1 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status))
        _exit(WEXITSTATUS(status));
    _exit(n == 1 ? 0 : 1);
}

/* The working directory stays: files may be named relative to it until the end. */
static void background_ready(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd <= 2; fd++)
        dup2(null, fd);
    if (null < 0 || write(daemon_fd, "", 1) != 1)
        die("-daemonize: %s", strerror(errno));
    close(daemon_fd);
}

static void write_pidfile(const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f || fprintf(f, "%ld\n", (long)getpid()) < 0 || fclose(f))
        die("cannot write %s: %s", path, strerror(errno));
    pidfile = path;
    atexit(remove_pidfile);
}

static void on_alarm(int sig)
{
    /* The orderly way out got stuck. */
    chardev_restore_terminal();
    _exit(1);
}

static void on_signal(int sig)
{
    static const char text[] = "gnomon: terminated by a signal\n";
    if (write(2, text, sizeof(text) - 1) < 0) {
        /* nowhere to say it */
    }
    run_request_shutdown(CAUSE_HOST_SIGNAL);
    alarm(3);
}

static void set_signals(void)
{
    struct sigaction quit = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND };
    struct sigaction late = { .sa_handler = on_alarm };
    static const int sigs[] = { SIGTERM, SIGINT, SIGHUP };
    for (unsigned i = 0; i < ARRAY_LEN(sigs); i++) {
        struct sigaction old;
        sigaction(sigs[i], NULL, &old);
        if (old.sa_handler != SIG_IGN)           /* nohup stays nohup */
            sigaction(sigs[i], &quit, NULL);
    }
    sigaction(SIGALRM, &late, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- the run ---- */

/* A descriptor 0, 1 or 2 that the caller has closed would be taken by the first file opened, and be written to. */
static void fill_standard_fds(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            _exit(1);
}

static struct block *open_image(struct options *o, const struct opt_drive *drive)
{
    struct block_options b = drive->b;
    b.snapshot |= o->snapshot && drive->drive;
    struct block *image = block_open(&b);
    drives[drive - o->drive].b = image;
    return image;
}

static void open_drive(struct options *o, const struct opt_device *d, struct virt_dev *v)
{
    const struct opt_drive *drive = opt_find_drive(o, d->drive);
    v->block = open_image(o, drive);
    v->blk = d->blk;
    if (!v->blk.serial)
        v->blk.serial = drive->serial;
    if (!v->blk.num_queues && d->pci)
        v->blk.num_queues = o->smp;              /* QEMU's default: one for each CPU */
}

static struct netdev *open_netdev(const char *id, const struct net_user_options *u)
{
    struct netdev *n = net_user_new(u);
    n->id = id;
    return n;
}

static void open_ports(struct opened *chars, const struct opt_device *d, struct virt_dev *v)
{
    struct virtio_serial_port *p = xcalloc(d->n_port + 1, sizeof *p);      /* the board keeps it */
    for (unsigned i = 0; i < d->n_port; i++) {
        const struct opt_port *o = &d->port[i];
        p[i] = (struct virtio_serial_port){ .nr = o->nr, .console = o->console, .name = o->name };
        if (o->chardev)
            p[i].chr = open_chardev(chars, o->chardev, o->console ? "-device virtconsole" : "-device virtserialport");
    }
    v->ports = p;
    v->n_ports = d->n_port;
    v->max_ports = d->max_ports;
}

static void on_reset(void)
{
    mmu_reset();
    xlate_reset();
}

static void build_machine(struct options *o)
{
    struct opened chars = { .o = o };
    struct virt_config cfg = {
        .ram_size = o->ram_size, .gic_version = o->gic_version, .smp = o->smp, .clusters = o->clusters, .cores = o->cores,
        .threads = o->threads, .model = o->model,
        .firmware_path = o->bios, .kernel_path = o->kernel, .initrd_path = o->initrd, .dtb_path = o->dtb, .append = o->append,
        .dumpdtb_path = o->dumpdtb, .no_seed = !o->dtb_randomness,
        .highmem_off = o->highmem_off, .rtc_offset = o->rtc_offset,
        .on_reset = on_reset,
    };
    chardev_mux_escape(o->escape);
    describe_machine(o);
    open_monitors(&chars, o);
    if (o->gdb)
        open_gdb(&chars, o->gdb);
    const char *serial = options_serial0(o);
    if (serial)
        cfg.serial0 = open_serial(&chars, serial, 0);
    else if (!o->nodefaults && !o->n_serial && !o->display_none)
        warn("there is no display: use -nographic or -serial stdio to see the serial port");
    /* A second port is there when it is asked for; more are opened, as in QEMU, and nothing is connected to them. */
    for (unsigned i = 1; i < o->n_serial; i++) {
        if (!strcmp(o->serial[i], "none"))
            continue;
        struct chardev *s = open_serial(&chars, o->serial[i], i);
        if (i == 1)
            cfg.serial1 = s;
        else
            warn("-serial %s: the machine has two serial ports, this one goes nowhere", o->serial[i]);
    }

    struct virt_dev devs[OPT_MAX_DEVS + 1];
    for (unsigned i = 0; i < o->n_dev; i++) {
        const struct opt_device *d = &o->dev[i];
        static const enum virt_dev_kind kind[] = {
            [OPT_DEV_RNG] = VIRT_DEV_RNG, [OPT_DEV_CONSOLE] = VIRT_DEV_CONSOLE, [OPT_DEV_BLK] = VIRT_DEV_BLK,
            [OPT_DEV_NET] = VIRT_DEV_NET, [OPT_DEV_9P] = VIRT_DEV_9P,
            [OPT_DEV_BALLOON] = VIRT_DEV_BALLOON,
        };
        devs[i] = (struct virt_dev){ .kind = kind[d->kind], .pci = d->pci, .slot = d->slot, .boot = d->boot };
        memcpy(devs[i].mac, d->mac, sizeof devs[i].mac);
        if (d->drive)
            open_drive(o, d, &devs[i]);
        if (d->netdev && opt_find_netdev(o, d->netdev))
            devs[i].net = open_netdev(opt_find_netdev(o, d->netdev)->id, &opt_find_netdev(o, d->netdev)->user);
        devs[i].rng = (struct virtio_rng_options){
            .filename = d->rng ? opt_find_object(o, d->rng, OPT_OBJ_RNG)->filename : NULL, .max_bytes = d->max_bytes, .period_ms = d->period_ms,
        };
        devs[i].balloon = (struct virtio_balloon_options){ d->deflate_on_oom, d->free_page_hint, d->free_page_reporting };
        if (d->fsdev) {
            devs[i].share = &opt_find_fsdev(o, d->fsdev)->p9;
            devs[i].mount_tag = d->mount_tag;
        }
        if (d->kind == OPT_DEV_CONSOLE)
            open_ports(&chars, d, &devs[i]);
    }
    cfg.devs = devs;
    cfg.n_devs = o->n_dev;
    cfg.fw_cfg = o->fw_cfg;
    cfg.n_fw_cfg = o->n_fw_cfg;
    for (unsigned i = 0; i < VIRT_FLASHES; i++)
        if (o->pflash[i]) {
            const struct opt_drive *d = opt_find_drive(o, o->pflash[i]);
            cfg.flash[i] = open_image(o, d);
            cfg.flash_path[i] = d->b.path;
        }
    if (!o->nodefaults && !o->net_given && !o->n_netdev) {
        static const struct net_user_options user;       /* QEMU's default network */
        devs[cfg.n_devs++] = (struct virt_dev){ .kind = VIRT_DEV_NET, .pci = true, .slot = -1, .net = open_netdev("user.0", &user) };
    }

    if (o->ram_size < VIRT_RAM_MIN || o->ram_size > VIRT_RAM_MAX)
        die("-m: this machine takes %llu MiB to %llu MiB", (unsigned long long)VIRT_RAM_MIN >> 20,
            (unsigned long long)VIRT_RAM_MAX >> 20);
    mem_backing(o->ram_path, o->ram_prealloc);
    mem_init(VIRT_RAM_BASE, o->ram_size);

    const struct mmu_config mmu = {
        .paging = (enum paging_mode)o->paging, .verify = o->verify, .windows = o->windows, .max_vmas = o->max_vmas,
        .sync = (enum sync_mode)o->sync, .org = (enum spt_org)o->spt_org, .org_windows = o->spt_windows, .prefill = o->spt_prefill,
    };
    mmu_init(&mmu, &a64_guest_ops);
    const struct xlate_config xlate = {
        .jit = o->jit, .verify = o->verify, .code_size = o->code_size, .perf_map = o->perf_map,
    };
    host_limit_isa((enum host_isa)o->host_isa);
    xlate_init(&xlate, &a64_guest_ops, &mmu_mem_ops);
    virt_init(&cfg);
}

int main(int argc, char *argv[])
{
    uint64_t start = now_ns();
    fill_standard_fds();
    choose_guest(&argc, &argv);
    static struct options o;
    char *err = options_parse(&o, argc, argv);
    if (err)
        die("%s", err);
    if (o.info) {
        options_print_info(&o);
        return 0;
    }
    if (o.log_file && !log_open(o.log_file))
        die("-D %s: %s", o.log_file, strerror(errno));
    if (o.daemonize)
        go_into_background(&o);
    if (o.process_name)
        prctl(PR_SET_NAME, o.process_name);
    if (o.pidfile)
        write_pidfile(o.pidfile);

    run_actions = (struct run_actions){ .reboot_ends = o.no_reboot, .shutdown_pauses = o.no_shutdown };
    set_signals();
    loop_init();
    build_machine(&o);
    if (o.daemonize)
        background_ready();
    exec_start();
    if (!o.start_paused) {
        machine_lock();
        if (!run_continue())
            bug("a new machine does not start");
        machine_unlock();
    }
    int status = loop_run();
    exec_stop();
    alarm(0);                                    /* images may take longer to be written */
    block_close_all();
    chardev_flush_all();
    chardev_restore_terminal();
    if (o.stats && !stats_write(&o, now_ns() - start, status)) {
        warn("-stats %s: %s", o.stats, strerror(errno));
        status = status ? status : 1;
    }
    return status;
}
