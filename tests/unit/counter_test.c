/*
 * counter_test.c - base/counter.h: never backwards on any thread while the line is bent, stopped and corrected; it follows the clock.
 */
#include <pthread.h>
#include <unistd.h>

#include "base/counter.h"
#include "check.h"

#define UNIT 16ull

static struct counter c;
static uint64_t highest, backwards;
static bool stop;

static void *reader(void *arg)
{
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        uint64_t seen = __atomic_load_n(&highest, __ATOMIC_SEQ_CST), v = counter_read(&c);
        if (v < seen)
            __atomic_fetch_add(&backwards, 1, __ATOMIC_RELAXED);
        while (v > seen && !__atomic_compare_exchange_n(&highest, &seen, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            ;
    }
    return NULL;
}

/* Both clocks of now, with nothing in between; the line is told that CLOCK_MONOTONIC were NS further. */
static void follow(int64_t ns)
{
    struct counter_sample s;
    uint64_t after;
    do {
        s.tsc = now_ticks();
        s.ns = now_ns() + (uint64_t)ns;
        after = now_ticks();
    } while (after - s.tsc > 20000);
    counter_follow_at(&c, s);
}

static void stands_still(void)
{
    counter_run(&c, false);
    CHECK(c.seq & COUNTER_CALL);
    uint64_t v = counter_read(&c);
    usleep(2000);
    CHECK_EQ(counter_read(&c), v);
    counter_follow(&c);                          /* nothing */
    CHECK_EQ(counter_read(&c), v);
    uint64_t from = now_ns();
    counter_run(&c, true);
    uint64_t w = counter_read(&c);
    CHECK(w >= v);
    usleep(2000);
    uint64_t x = counter_read(&c), to = now_ns();
    CHECK(x - w >= 2000000 / UNIT - 100);
    CHECK(x - v <= (to - from) / UNIT + (to - from) / 500 / UNIT + 100);     /* not the time of the pause */
}

/* Readers on two threads while a third bends the line up and down, by more than it ever would be. */
static void monotonic(void)
{
    pthread_t t[2];
    highest = counter_read(&c);
    stop = false;
    for (unsigned i = 0; i < ARRAY_LEN(t); i++)
        CHECK(pthread_create(&t[i], NULL, reader, NULL) == 0);
    for (unsigned n = 0; n < 200; n++) {
        follow(n % 4 < 2 ? 100000 : -100000);
        if (n % 50 == 49) {
            counter_run(&c, false);
            counter_run(&c, true);
        }
        usleep(500);
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < ARRAY_LEN(t); i++)
        pthread_join(t[i], NULL);
    CHECK_EQ(backwards, 0);
}

int main(void)
{
    /* By the clock only. */
    counter_init(&c, UNIT, false);
    uint64_t from = now_ns(), v = counter_read(&c);
    usleep(2000);
    uint64_t w = counter_read(&c);
    CHECK(w - v >= 2000000 / UNIT && w - v <= (now_ns() - from) / UNIT + 1);
    counter_follow(&c);
    CHECK(c.seq & COUNTER_CALL);
    stands_still();
    monotonic();
    if (!counter_tsc_usable())
        return check_done();                     /* there is no line on this host */

    do {
        from = now_ns();
        counter_init(&c, UNIT, true);
    } while (!c.tsc_usable);                     /* interrupted between its clocks */
    uint64_t made = now_ns();
    CHECK(c.seq & COUNTER_CALL);                 /* not before a slope is known */
    usleep(20000);
    follow(0);
    CHECK(!(c.seq & COUNTER_CALL));
    usleep(20000);
    uint64_t before = now_ns();
    v = counter_read(&c);
    uint64_t after = now_ns(), slack = (after - from) / 1000 / UNIT + 100;   /* a slope over 20 ms is good to 0.1 % */
    CHECK(v + slack >= (before - made) / UNIT && v <= (after - from) / UNIT + slack);
    /* Behind by 50 us: it is faster for a while, and not by more than 1/2000 of the slope just measured. */
    uint64_t rate = c.rate;
    c.ideal += 50000 / UNIT;
    usleep(20000);
    follow(0);
    CHECK(c.rate > rate - rate / 1000 && c.rate < rate + rate / 500);
    /* A clock that stood still gives no slope; a second is not made up for. */
    follow(5000000000ll);
    CHECK(c.rate > rate - rate / 500 && c.rate < rate + rate / 500);
    stands_still();
    monotonic();
    return check_done();
}
