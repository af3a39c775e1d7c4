/*
 * fuzz_gdb.c - libFuzzer target: what a client sends to the GDB server. Must not crash, hang or leak.
 *
 * Input: a byte that says whether the client reads, then packets: each line of the input is one, framed here with its checksum; a line
 * that begins with '!' is sent as it stands.
 */
// links: src/base/*.c src/mem/mem.c src/debug/gdb.c src/debug/gdb_packet.c src/debug/mon_io.c src/debug/text.c
#include <stdio.h>
#include <stdlib.h>

#include "debug/gdb.h"
#include "debug/gdb_packet.h"
#include "debug/monitor_impl.h"
#include "machine.h"
#include "xlate/xlate.h"

static uint8_t regs[M_CPUS][70][16];
static enum exec_halt halted;

void exec_on_halt(void (*on_halt)(struct vcpu *c)) { }
void exec_set_watches(const struct debug_watch *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (w[i].r.last < w[i].r.va || n > WATCH_RANGES)
            bug("a watched range has its ends the wrong way round");
}
void exec_set_debug(struct vcpu *c, enum exec_debug how) { halted = how == DEBUG_STEP ? HALT_STEP : HALT_NONE; }
enum exec_halt exec_halted(const struct vcpu *c, uint64_t *va)
{
    *va = M_RAM;
    return halted;
}
void xlate_set_breaks(const uint64_t *va, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        (void)*(volatile const uint64_t *)(va + i);
}
void xlate_invalidate(uint64_t gpa, uint64_t len) { }
bool mmu_poke(struct vcpu *c, uint64_t va, const void *buf, size_t len, void (*wrote)(uint64_t gpa, uint64_t len))
{
    void *p = mem_ptr(va, len);
    if (p)
        memcpy(p, buf, len);
    return p != NULL;
}
void hmp_run(struct hmp *h, const char *line, struct text *out)
{
    for (const char *p = line; *p; p++)
        text_printf(out, "%c%.*s", *p, *p & 1 ? 700 : 0, "answer");
}

static char *xml(const struct vcpu *c, const char *name) { return strcmp(name, "target.xml") ? NULL : xasprintf("<target>%60s</target>", name); }
static unsigned size_of(unsigned reg) { return reg < 33 ? 8 : reg < 34 ? 4 : reg < 66 ? 16 : reg < 70 ? 4 : 0; }

static unsigned get(const struct vcpu *c, unsigned reg, uint8_t buf[16])
{
    unsigned n = size_of(reg);
    memcpy(buf, n ? regs[c - m_vcpu][reg] : buf, n);
    return n;
}

static unsigned set(struct vcpu *c, unsigned reg, const uint8_t *buf, size_t len)
{
    unsigned n = size_of(reg);
    if (!n || len < n)
        return 0;
    memcpy(regs[c - m_vcpu][reg], buf, n);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct guest_debug debug = { 34, xml, get, set };
    static const struct guest_ops guest = { .debug = &debug };
    static bool made;
    struct text in = { 0 };
    if (!size)
        return 0;
    if (!made) {
        m_init();
        gdb_add(NULL, &guest);
        made = true;
    }
    m_state = RUN_PAUSED;
    m_room = data[0] & 1 ? 0 : SIZE_MAX;
    for (const uint8_t *p = data + 1, *end = data + size, *next; p < end; p = next + 1) {
        next = memchr(p, '\n', (size_t)(end - p));
        next = next ? next : end;
        if (*p == '!') {
            text_add(&in, p + 1, (size_t)(next - p) - (p != next));
            continue;
        }
        uint8_t sum = 0;
        for (const uint8_t *q = p; q < next; q++)
            sum = (uint8_t)(sum + *q);
        text_add(&in, "$", 1);
        text_add(&in, p, (size_t)(next - p));
        text_printf(&in, "#%02x", sum);
        if (m_state == RUN_RUNNING)
            text_printf(&in, "\003");
    }
    m_session((const uint8_t *)(in.s ? in.s : ""), in.len);
    text_free(&in);
    return 0;
}
