/*
 * chardev_test.c - a socket's one descriptor in both directions: input and the client's end are seen after output had to wait.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/loop.h"
#include "check.h"
#include "hw/chardev.h"

static char path[108];
static size_t written, got_n;
static char got[16];
static bool closed;

static int dial(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    memcpy(a.sun_path, path, strlen(path));
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    while (connect(s, (struct sockaddr *)&a, sizeof a) < 0 && (errno == ENOENT || errno == ECONNREFUSED))
        usleep(1000);
    return s;
}

/* Connects; reads everything once told to; then says something and goes. */
static int go[2];
static void *client(void *arg)
{
    static char buf[65536];
    char c;
    size_t n = 0;
    int s = dial();
    CHECK(read(go[0], &c, 1) == 1);
    for (ssize_t r; n < written && (r = read(s, buf, sizeof buf)) > 0;)
        n += (size_t)r;
    CHECK_EQ(n, written);
    CHECK(write(s, "hello", 5) == 5);
    close(s);
    return NULL;
}

static size_t can_receive(void *opaque) { return sizeof got - got_n; }
static void receive(void *opaque, const uint8_t *buf, size_t len)
{
    memcpy(got + got_n, buf, len);
    got_n += len;
}
static void event(void *opaque, enum chardev_event e)
{
    if (e == CHARDEV_CLOSED) {
        closed = true;
        loop_quit(0);
    }
}

static void too_late(void *opaque) { loop_quit(1); }

int main(void)
{
    static const uint8_t text[4096];
    static const struct chardev_front front = { .can_receive = can_receive, .receive = receive, .event = event };
    struct loop_timer t;
    pthread_t th;
    snprintf(path, sizeof path, "/tmp/gnomon-chardev-%d", (int)getpid());
    CHECK(pipe(go) == 0);
    loop_init();
    loop_timer_init(&t, too_late, NULL);
    CHECK(pthread_create(&th, NULL, client, NULL) == 0);
    struct chardev *c = chardev_socket(&(struct chardev_socket){ .path = path, .server = true, .wait = true });
    machine_lock();
    chardev_attach(c, &front);
    while (chardev_room(c) >= sizeof text) {     /* until the host takes no more and the buffer is full */
        chardev_write(c, text, sizeof text);
        written += sizeof text;
    }
    loop_timer_arm(&t, now_ns() + 60000000000ull);
    machine_unlock();
    CHECK(write(go[1], "x", 1) == 1);
    CHECK_EQ(loop_run(), 0);
    pthread_join(th, NULL);
    CHECK(closed && got_n == 5 && !memcmp(got, "hello", 5));
    unlink(path);
    return check_done();
}
