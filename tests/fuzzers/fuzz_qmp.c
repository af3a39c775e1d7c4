/*
 * fuzz_qmp.c - libFuzzer target: a QMP session's bytes, as its client sends them. Must not crash, hang or leak.
 *
 * Owns a chardev that throws its output away, and a table of commands with each kind of argument; the protocol is src/debug's.
 */
// links: src/base/*.c src/debug/mon_io.c src/debug/qmp.c src/debug/qmp_split.c src/debug/text.c
#include <string.h>

#include "board/run.h"
#include "debug/qmp.h"
#include "hw/chardev.h"
#include "hw/virtio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- what the protocol stands on ---- */

static struct chardev_front front;
static size_t room = SIZE_MAX;

void chardev_attach(struct chardev *c, const struct chardev_front *f) { front = *f; }
void chardev_write(struct chardev *c, const uint8_t *buf, size_t len) { }
void chardev_accept_input(struct chardev *c) { }
size_t chardev_room(const struct chardev *c) { return room; }
void run_listen(struct run_listener *l) { }
void virtio_balloon_on_change(void (*cb)(uint64_t actual)) { }
const char *run_cause_name(enum run_cause c) { return "cause"; }
bool run_cause_is_guest(enum run_cause c) { return false; }

json_t *qmp_version(void) { return json_object(); }

static json_t *echo(struct qmp_call *c) { return json_deep_copy(c->args); }
static json_t *refuse(struct qmp_call *c) { return qmp_fail(c, "GenericError", "no: %s", json_string_value(json_object_get(c->args, "s"))); }

const struct qmp_command qmp_commands[] = {
    { "a", "", echo },
    { "b", "s:s i:i? b:b? a:a?", echo },
    { "c", "s:s", refuse },
    { 0 },
};

/* The first byte: is the negotiation done, does the client read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char hello[] = "{\"execute\":\"qmp_capabilities\"}";
    static bool made;
    if (!made)
        monitor_add_qmp(NULL, false);
    made = true;
    room = size && data[0] & 2 ? 0 : SIZE_MAX;
    front.event(front.opaque, CHARDEV_OPENED);
    if (size && data[0] & 1)
        front.receive(front.opaque, (const uint8_t *)hello, sizeof(hello) - 1);
    for (size_t n; size; data += n, size -= n) {
        n = front.can_receive(front.opaque);
        n = n < size ? n : size;
        if (!n)
            break;
        front.receive(front.opaque, data, n);
    }
    front.event(front.opaque, CHARDEV_CLOSED);
    return 0;
}
