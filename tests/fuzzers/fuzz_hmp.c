/*
 * fuzz_hmp.c - libFuzzer target: what a human monitor's user types. Must not crash, hang or leak.
 *
 * Input: a byte that says whether the client reads, then keys. The guest's page tables are made up.
 */
// links: src/base/*.c src/mem/mem.c src/debug/hmp.c src/debug/hmp_info.c src/debug/hmp_mem.c src/debug/hmp_session.c
// links: src/debug/mon_io.c src/debug/text.c
#include <stdio.h>
#include <stdlib.h>

#include "block/block.h"
#include "board/virt.h"
#include "debug/monitor_impl.h"
#include "hw/net.h"
#include "hw/virtio.h"
#include "machine.h"
#include "xlate/xlate.h"

/* ---- what the commands stand on ---- */

int exec_thread_id(unsigned i) { return 1; }
const struct mmu_stats *mmu_stats(void) { static struct mmu_stats s; return &s; }
struct mmu_exits mmu_exits(enum mmu_exit cause) { return (struct mmu_exits){ 0 }; }
struct mmu_vmas mmu_vmas(void) { return (struct mmu_vmas){ 0 }; }
const char *mmu_paging_name(void) { return "auto"; }
const struct xlate_stats *xlate_stats(void) { static struct xlate_stats s; return &s; }
void virt_each_device(void (*cb)(void *opaque, const struct device *d), void *opaque)
{
    static const struct device chip = { .name = "chip" };
    cb(opaque, &chip);
}

static struct netdev net = { .id = "n" };
struct netdev *net_user_find(const char *id) { return !id || !strcmp(id, "n") ? &net : NULL; }
struct netdev *net_user_nth(unsigned n) { return n ? NULL : &net; }
char *net_user_forward(struct netdev *n, const char *rule) { return *rule == 't' ? NULL : xasprintf("no: %s", rule); }
char *net_user_unforward(struct netdev *n, const char *rule) { return net_user_forward(n, rule); }
char *net_user_connections(struct netdev *n) { return xasprintf("none\n"); }
char *net_user_describe(const struct netdev *n) { return xasprintf("net"); }
bool chardev_describe(unsigned n, struct chardev_info *info)
{
    *info = (struct chardev_info){ .label = "c", .filename = "null" };
    return !n;
}
bool virtio_balloon_query(struct virtio_balloon_info *info)
{
    *info = (struct virtio_balloon_info){ .ram = 1 << 20, .actual = 1 << 19, .have = 0xff };
    return true;
}
bool virtio_balloon_set(uint64_t bytes) { return bytes & 1; }

bool block_describe(const struct block *b, unsigned level, struct block_info *info)
{
    *info = (struct block_info){ .path = "/image", .format = "raw" };
    return level < 3;
}

static struct space_id space(const struct vcpu *c, unsigned half) { return (struct space_id){ .root = half ? ~0ull : 0 }; }

/* One region in seven is mapped. */
static enum walk_status walk(struct vcpu *c, uint64_t va, enum access acc, enum view view, struct walk *w)
{
    *w = (struct walk){ .gpa = va, .shift = 39, .perms = (uint8_t)(va >> 42) };
    return (va >> 39) % 7 ? WALK_FAULT : WALK_OK;
}

static unsigned disas(const uint8_t *code, uint64_t pc, char *buf, size_t len)
{
    snprintf(buf, len, "insn %02x", *code);
    return 4;
}

static void dump(const struct vcpu *c, void (*out)(const char *fmt, ...)) { out("PC=%d\n", 0); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct guest_ops guest = { .name = "fuzz", .insn_align = 4, .walk = walk, .space = space, .disas = disas, .dump = dump };
    static const struct monitor_device devices[] = { { "virtio-net-pci", NULL, "pcie.0", "n" } };
    static const struct monitor_drive drives[] = { { "used", false, "f", (const struct block *)&guest }, { "unused", true, "g", NULL } };
    static const struct monitor_config cfg = { .package = "fuzz", .guest = &guest, .drives = drives, .n_drives = 2, .devices = devices, .n_devices = 1 };
    static bool made;
    if (!size)
        return 0;
    if (!made) {
        m_init();
        monitor_init(&cfg);
        monitor_add_hmp(NULL);
        made = true;
    }
    m_state = RUN_RUNNING;
    m_room = data[0] & 1 ? 0 : SIZE_MAX;
    m_session(data + 1, size - 1);
    return 0;
}
