/*
 * gdb.c - the GDB server: what packets do (GDB manual, appendix E). See gdb.h.
 *
 * Owns the session, the client's breakpoints and watchpoints. Must not know any ISA (guest_ops.debug does) nor how vCPUs halt
 * (src/exec). A vCPU that halts wakes the main thread, which stops the machine and tells the client.
 */
#include "debug/gdb.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "board/run.h"
#include "debug/gdb_packet.h"
#include "debug/monitor_impl.h"
#include "exec/exec.h"
#include "mem/mem.h"
#include "mmu/mmu.h"
#include "xlate/xlate.h"

#define MAX_BREAKS 1024u
#define SIGNAL_INT 2
#define SIGNAL_TRAP 5

static struct gdb {
    struct mon_io io;
    const struct guest_ops *guest;
    struct gdb_in in;
    struct hmp hmp;
    bool connected, no_ack, physical;
    bool running;                                 /* the client waits for a stop reply */
    unsigned cpu;                                 /* vCPU that registers and memory are of (Hg) */
    unsigned step_cpu;                            /* of 's' and 'c' without vCont (Hc) */
    char *last;                                   /* the last packet, for a client that wants it again */
    size_t last_len;
    uint64_t brk[MAX_BREAKS];
    unsigned n_brk;
    struct debug_watch watch[WATCH_RANGES];
    unsigned n_watch;
    int fd;                                       /* a vCPU has halted */
} gdb;

/* ---- output ---- */

static void send_packet(const char *body)
{
    free(gdb.last);
    gdb.last = gdb_frame(body, &gdb.last_len);
    mon_io_write(&gdb.io, gdb.last, gdb.last_len, false);
}

static void send_text(struct text *t)
{
    send_packet(t->s ? t->s : "");
    text_free(t);
}

static void add_hex(struct text *t, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++)
        text_add(t, (const char[]){ digits[p[i] >> 4], digits[p[i] & 15] }, 2);
}

static unsigned n_cpus(void)
{
    unsigned n = 0;
    while (exec_vcpu(n))
        n++;
    return n;
}

static void send_stop(unsigned signal, unsigned cpu, const char *why)
{
    struct text t = { 0 };
    gdb.cpu = gdb.step_cpu = cpu;
    text_printf(&t, "T%02xthread:%02x;%s", signal, cpu + 1, why);
    send_text(&t);
}

/* The reason for which the machine stands still. */
static void report_stop(void)
{
    for (unsigned i = 0; i < n_cpus(); i++) {
        uint64_t va;
        char why[64] = "";
        enum exec_halt halt = exec_halted(exec_vcpu(i), &va);
        if (halt == HALT_NONE)
            continue;
        if (halt == HALT_READ || halt == HALT_WRITE) {
            const char *kind = halt == HALT_READ ? "rwatch" : "watch";
            for (unsigned k = 0; k < gdb.n_watch; k++)
                if (va >= gdb.watch[k].r.va && va <= gdb.watch[k].r.last && gdb.watch[k].reads && gdb.watch[k].writes)
                    kind = "awatch";
            snprintf(why, sizeof(why), "%s:%llx;", kind, (unsigned long long)va);
        }
        send_stop(SIGNAL_TRAP, i, why);
        return;
    }
    send_stop(SIGNAL_INT, gdb.cpu, "");
}

/* ---- breakpoints ---- */

static void set_all(void)
{
    xlate_set_breaks(gdb.brk, gdb.n_brk);
    exec_set_watches(gdb.watch, gdb.n_watch);
}

static void forget_points(void)
{
    gdb.n_brk = gdb.n_watch = 0;
    set_all();
    for (unsigned i = 0; i < n_cpus(); i++)
        exec_set_debug(exec_vcpu(i), DEBUG_RUN);
}

static bool change_break(uint64_t va, bool insert)
{
    for (unsigned i = 0; i < gdb.n_brk; i++) {
        if (gdb.brk[i] == va) {
            if (!insert)
                gdb.brk[i] = gdb.brk[--gdb.n_brk];
            return true;
        }
    }
    if (insert && gdb.n_brk == MAX_BREAKS)
        return false;
    if (insert)
        gdb.brk[gdb.n_brk++] = va;
    return true;
}

static bool change_watch(char type, uint64_t va, uint64_t len, bool insert)
{
    bool reads = type != '2', writes = type != '3';
    if (!len || len - 1 > ~va)
        return false;
    for (unsigned i = 0; i < gdb.n_watch; i++) {
        struct debug_watch *w = &gdb.watch[i];
        if (w->r.va == va && w->r.last == va + (len - 1) && w->reads == reads && w->writes == writes) {
            if (!insert)
                *w = gdb.watch[--gdb.n_watch];
            return true;
        }
    }
    if (insert && gdb.n_watch == WATCH_RANGES)
        return false;
    if (insert)
        gdb.watch[gdb.n_watch++] = (struct debug_watch){ { va, va + (len - 1) }, reads, writes };
    return true;
}

/* Z and z: TYPE,ADDRESS,KIND */
static void do_point(const char *p, bool insert)
{
    char type = p[0], *end;
    if (type < '0' || type > '4' || p[1] != ',') {
        send_packet("");
        return;
    }
    uint64_t va = strtoull(p + 2, &end, 16), len = *end == ',' ? strtoull(end + 1, NULL, 16) : 0;
    bool ok = type <= '1' ? change_break(va, insert) : change_watch(type, va, len, insert);
    set_all();
    send_packet(ok ? "OK" : "E22");
}

/* ---- memory ---- */

static bool read_page(uint64_t va, void *buf, size_t len)
{
    if (!gdb.physical)
        return mmu_peek(exec_vcpu(gdb.cpu), va, buf, len);
    const void *p = mem_read_ptr(va, len);
    if (p)
        memcpy(buf, p, len);
    return p;
}

static bool write_page(uint64_t va, const void *buf, size_t len)
{
    if (!gdb.physical)
        return mmu_poke(exec_vcpu(gdb.cpu), va, buf, len, xlate_invalidate);
    void *p = mem_ptr(va, len);
    if (!p)
        return false;
    memcpy(p, buf, len);
    xlate_invalidate(va, len);
    return true;
}

static void do_read(const char *p)
{
    char *end;
    uint64_t va = strtoull(p, &end, 16), len = *end == ',' ? strtoull(end + 1, NULL, 16) : 0;
    struct text t = { 0 };
    len = MIN(len, GDB_PACKET_MAX / 2);
    while (len) {
        uint8_t page[PAGE_SIZE];
        size_t n = MIN(len, (size_t)(PAGE_SIZE - (va & ~PAGE_MASK)));
        if (!read_page(va, page, n))
            break;
        add_hex(&t, page, n);
        va += n;
        len -= n;
    }
    if (len && !t.len)
        text_printf(&t, "E14");
    send_text(&t);
}

/* M: ADDRESS,LENGTH:HEX; X: the same with bytes. */
static void do_write(char *p, size_t size, bool hex)
{
    char *end, *data = memchr(p, ':', size);
    uint64_t va = strtoull(p, &end, 16), len = *end == ',' ? strtoull(end + 1, NULL, 16) : 0;
    if (!data) {
        send_packet("E22");
        return;
    }
    data++;
    size_t have = size - (size_t)(data - p);
    if (hex)
        have = gdb_from_hex(data, (uint8_t *)data, have / 2);
    if (have < len) {
        send_packet("E22");
        return;
    }
    while (len) {
        size_t n = MIN(len, (size_t)(PAGE_SIZE - (va & ~PAGE_MASK)));
        if (!write_page(va, data, n))
            break;
        data += n;
        va += n;
        len -= n;
    }
    send_packet(len ? "E14" : "OK");
}

/* ---- registers ---- */

static void do_get_all(void)
{
    struct text t = { 0 };
    for (unsigned n = 0; n < gdb.guest->debug->n_general; n++) {
        uint8_t buf[16];
        unsigned len = gdb.guest->debug->read(exec_vcpu(gdb.cpu), n, buf);
        add_hex(&t, buf, len);
    }
    send_text(&t);
}

static void do_set_all(const char *p)
{
    uint8_t buf[GDB_PACKET_MAX / 2];
    size_t len = gdb_from_hex(p, buf, sizeof(buf)), at = 0;
    for (unsigned n = 0; n < gdb.guest->debug->n_general && at < len; n++) {
        unsigned took = gdb.guest->debug->write(exec_vcpu(gdb.cpu), n, buf + at, len - at);
        if (!took)
            break;
        at += took;
    }
    send_packet("OK");
}

static void do_get(const char *p)
{
    uint8_t buf[16];
    struct text t = { 0 };
    unsigned len = gdb.guest->debug->read(exec_vcpu(gdb.cpu), (unsigned)strtoul(p, NULL, 16), buf);
    if (len)
        add_hex(&t, buf, len);
    else
        text_printf(&t, "E14");
    send_text(&t);
}

static void do_set(const char *p)
{
    uint8_t buf[16];
    char *end;
    unsigned reg = (unsigned)strtoul(p, &end, 16);
    size_t len = *end == '=' ? gdb_from_hex(end + 1, buf, sizeof(buf)) : 0;
    send_packet(len && gdb.guest->debug->write(exec_vcpu(gdb.cpu), reg, buf, len) ? "OK" : "E14");
}

/* ---- running ---- */

/* how[i] for vCPU i. */
static void resume(const enum exec_debug *how)
{
    for (unsigned i = 0; i < n_cpus(); i++)
        exec_set_debug(exec_vcpu(i), how[i]);
    if (run_continue())
        gdb.running = true;
    else
        send_packet("W00");                       /* the guest has switched itself off */
}

/* A thread id to a vCPU: 0 and -1 are any. UINT_MAX: there is none. */
static unsigned cpu_of(const char *p, unsigned any)
{
    long id = *p == '-' ? -1 : strtol(p, NULL, 16);
    if (id <= 0)
        return any;
    return (unsigned long)id <= n_cpus() ? (unsigned)id - 1 : ~0u;
}

static void do_resume(bool step, const char *at)
{
    enum exec_debug how[64];
    unsigned n = n_cpus();
    if (*at) {
        uint8_t pc[8];
        uint64_t va = strtoull(at, NULL, 16);
        memcpy(pc, &va, sizeof(pc));
        gdb.guest->debug->write(exec_vcpu(gdb.step_cpu), 32, pc, sizeof(pc));
    }
    for (unsigned i = 0; i < n; i++)
        how[i] = !step ? DEBUG_RUN : i == gdb.step_cpu ? DEBUG_STEP : DEBUG_HOLD;
    resume(how);
}

/* vCont;ACTION[:THREAD]...: the first that names a thread counts for it; those that none names stay. */
static void do_vcont(const char *p)
{
    enum exec_debug how[64];
    bool set[64] = { false };
    unsigned n = n_cpus();
    for (unsigned i = 0; i < n; i++)
        how[i] = DEBUG_HOLD;
    while (*p == ';') {
        char action = *++p;
        size_t len = strcspn(p, ":;");
        unsigned cpu = p[len] == ':' ? cpu_of(p + len + 1, ~1u) : ~1u;
        if (!memchr("cCsSt", action, 5) || cpu == ~0u) {
            send_packet("E22");
            return;
        }
        for (unsigned i = 0; i < n; i++) {
            if ((cpu != ~1u && cpu != i) || set[i])
                continue;
            set[i] = true;
            how[i] = action == 't' ? DEBUG_HOLD : action == 's' || action == 'S' ? DEBUG_STEP : DEBUG_RUN;
        }
        p += strcspn(p, ";");
    }
    resume(how);
}

/* ---- queries ---- */

static bool prefix(const char **p, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*p, word, n))
        return false;
    *p += n;
    return true;
}

/* qXfer:features:read:NAME:OFFSET,LENGTH */
static void do_features(const char *p)
{
    char name[64], *end;
    size_t n = strcspn(p, ":");
    if (p[n] != ':' || n >= sizeof(name)) {
        send_packet("E00");
        return;
    }
    memcpy(name, p, n);
    name[n] = 0;
    size_t off = strtoul(p + n + 1, &end, 16), len = *end == ',' ? strtoul(end + 1, NULL, 16) : 0;
    char *xml = gdb.guest->debug->xml(exec_vcpu(gdb.cpu), name);
    if (!xml) {
        send_packet("E00");
        return;
    }
    size_t all = strlen(xml);
    struct text t = { 0 };
    off = MIN(off, all);
    len = MIN(MIN(len, all - off), GDB_PACKET_MAX - 1);
    text_printf(&t, "%c%.*s", off + len < all ? 'm' : 'l', (int)len, xml + off);
    free(xml);
    send_text(&t);
}

/* The monitor's commands, as GDB's `monitor`. */
static void do_command(const char *hex)
{
    char line[1024];
    struct text out = { 0 }, t = { 0 };
    line[gdb_from_hex(hex, (uint8_t *)line, sizeof(line) - 1)] = 0;
    gdb.hmp.cpu = gdb.cpu;
    hmp_run(&gdb.hmp, line, &out);
    for (size_t at = 0; at < out.len; at += 1024) {
        struct text o = { 0 };
        text_printf(&o, "O");
        add_hex(&o, out.s + at, MIN(out.len - at, (size_t)1024));
        send_text(&o);
    }
    text_free(&out);
    text_printf(&t, "OK");
    send_text(&t);
}

static void do_query(const char *p)
{
    struct text t = { 0 };
    if (prefix(&p, "Supported")) {
        text_printf(&t, "PacketSize=%x;qXfer:features:read+;vContSupported+;QStartNoAckMode+", GDB_PACKET_MAX);
    } else if (prefix(&p, "Xfer:features:read:")) {
        do_features(p);
        return;
    } else if (prefix(&p, "Rcmd,")) {
        do_command(p);
        return;
    } else if (prefix(&p, "fThreadInfo")) {
        for (unsigned i = 0; i < n_cpus(); i++)
            text_printf(&t, "%c%x", i ? ',' : 'm', i + 1);
    } else if (prefix(&p, "sThreadInfo")) {
        text_printf(&t, "l");
    } else if (prefix(&p, "ThreadExtraInfo,")) {
        char name[32];
        unsigned cpu = cpu_of(p, 0);
        snprintf(name, sizeof(name), "CPU#%u", cpu == ~0u ? 0 : cpu);
        add_hex(&t, name, strlen(name));
    } else if (!strcmp(p, "C")) {
        text_printf(&t, "QC%x", gdb.cpu + 1);
    } else if (prefix(&p, "Attached")) {
        text_printf(&t, "1");
    } else if (prefix(&p, "Symbol")) {
        text_printf(&t, "OK");
    } else if (prefix(&p, "qemu.PhyMemMode")) {
        text_printf(&t, "%d", gdb.physical);
    }
    send_text(&t);
}

static void do_set_query(const char *p)
{
    if (!strcmp(p, "StartNoAckMode")) {
        send_packet("OK");
        gdb.no_ack = true;
    } else if (prefix(&p, "qemu.PhyMemMode:")) {
        gdb.physical = *p == '1';
        send_packet("OK");
    } else {
        send_packet("");
    }
}

static void do_select(const char *p)
{
    unsigned cpu = cpu_of(p + 1, gdb.cpu);
    if (cpu == ~0u || (*p != 'g' && *p != 'c')) {
        send_packet("E22");
        return;
    }
    if (*p == 'g')
        gdb.cpu = cpu;
    else
        gdb.step_cpu = cpu;
    send_packet("OK");
}

static void do_packet(char *body, size_t len)
{
    const char *p = body + 1;
    switch (body[0]) {
    case '?': send_stop(SIGNAL_TRAP, gdb.cpu, ""); break;
    case 'g': do_get_all(); break;
    case 'G': do_set_all(p); break;
    case 'p': do_get(p); break;
    case 'P': do_set(p); break;
    case 'm': do_read(p); break;
    case 'M': do_write(body + 1, len - 1, true); break;
    case 'X': do_write(body + 1, len - 1, false); break;
    case 'Z': do_point(p, true); break;
    case 'z': do_point(p, false); break;
    case 'c': do_resume(false, p); break;
    case 's': do_resume(true, p); break;
    case 'C': case 'S': do_resume(body[0] == 'S', ""); break;
    case 'H': do_select(p); break;
    case 'T': send_packet(cpu_of(p, 0) == ~0u ? "E22" : "OK"); break;
    case 'q': do_query(p); break;
    case 'Q': do_set_query(p); break;
    case 'D':
        forget_points();
        send_packet("OK");
        if (!run_continue())
            run_pause();
        break;
    case 'k': run_request_shutdown(CAUSE_HOST_SIGNAL); break;
    case 'v':
        if (!strcmp(body, "vCont?"))
            send_packet("vCont;c;C;s;S;t");
        else if (prefix(&p, "Cont"))
            do_vcont(p);
        else if (prefix(&p, "Kill"))
            send_packet("OK"), run_request_shutdown(CAUSE_HOST_SIGNAL);
        else
            send_packet("");
        break;
    default: send_packet(""); break;
    }
}

/* ---- events ---- */

static void on_packet(void *opaque, char *body, size_t len, bool ok)
{
    if (!gdb.no_ack)
        mon_io_write(&gdb.io, ok ? "+" : "-", 1, false);
    if (!ok || !len)
        return;
    if (gdb.running) {
        /* Only an interrupt is expected now; a client that lost track is told where it is. */
        run_pause();
        return;
    }
    run_hold();
    do_packet(body, len);
    run_release();
}

static void on_interrupt(void *opaque)
{
    if (gdb.running)
        run_pause();
}

static void on_nack(void *opaque)
{
    if (gdb.last)
        mon_io_write(&gdb.io, gdb.last, gdb.last_len, false);
}

static const struct gdb_in_ops in_ops = { on_packet, on_interrupt, on_nack };

static size_t can_receive(void *opaque) { return mon_io_accepts(&gdb.io); }

static void receive(void *opaque, const uint8_t *buf, size_t len) { gdb_in_feed(&gdb.in, buf, len, &in_ops, NULL); }

static void on_chardev(void *opaque, enum chardev_event e)
{
    if (e == CHARDEV_OPENED) {
        gdb_in_reset(&gdb.in);
        gdb.connected = true;
        gdb.no_ack = gdb.running = gdb.physical = false;
        gdb.cpu = gdb.step_cpu = 0;
        run_pause();
    } else if (e == CHARDEV_CLOSED && gdb.connected) {
        gdb.connected = gdb.running = false;
        mon_io_drop(&gdb.io);
        run_hold();
        forget_points();
        run_release();
    }
}

static void on_run_event(void *opaque, enum run_event e, enum run_cause cause)
{
    if (!gdb.connected || !gdb.running)
        return;
    if (e == EVENT_STOP) {
        gdb.running = false;
        report_stop();
    } else if (e == EVENT_SHUTDOWN) {
        gdb.running = false;
        send_packet("W00");
    }
}

/* On the vCPU's thread. */
static void on_halt(struct vcpu *c)
{
    uint64_t one = 1;
    if (write(gdb.fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        bug("halt of a vCPU: %s", strerror(errno));
}

static void on_halted(void *opaque, unsigned events)
{
    uint64_t n;
    if (read(gdb.fd, &n, sizeof(n)) >= 0)
        run_pause();
}

void gdb_add(struct chardev *c, const struct guest_ops *guest)
{
    static struct run_listener listener = { .event = on_run_event };
    static const struct chardev_front front = { .can_receive = can_receive, .receive = receive, .event = on_chardev };
    gdb.guest = guest;
    gdb.hmp = (struct hmp)HMP_INIT;
    gdb.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (gdb.fd < 0)
        die("cannot create an event descriptor: %s", strerror(errno));
    loop_fd_set(gdb.fd, POLLIN, on_halted, NULL);
    exec_on_halt(on_halt);
    run_listen(&listener);
    mon_io_init(&gdb.io, c);
    chardev_attach(c, &front);
}
