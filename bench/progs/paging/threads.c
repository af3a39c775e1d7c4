/*
 * threads.c - a threaded load of fixed work: threads N. N threads share 64 pieces of work; each piece is arithmetic over memory of the
 * thread's own, then an addition to a sum under a lock. Every 8 pieces they meet at a barrier, as a parallel loop does.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PIECES 64
#define MEET 8
#define WORDS 32768
#define STEPS 5000000u

static pthread_barrier_t barrier;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned threads, next;
static uint64_t sum;

static uint64_t piece(uint64_t *own, uint64_t seed)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15ull + 1, s = 0;
    for (unsigned i = 0; i < WORDS; i++)
        own[i] = i * seed;
    for (unsigned i = 0; i < STEPS; i++) {
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        s += own[(x >> 40) % WORDS] ^= x;
    }
    return s;
}

static void *work(void *arg)
{
    uint64_t *own = malloc(WORDS * sizeof(*own));
    for (unsigned round = 0; round < PIECES / MEET; round++) {
        for (unsigned n; (n = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < (round + 1) * MEET; ) {
            uint64_t s = piece(own, n);
            pthread_mutex_lock(&lock);
            sum += s;
            pthread_mutex_unlock(&lock);
        }
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            __atomic_store_n(&next, (round + 1) * MEET, __ATOMIC_RELAXED);
        pthread_barrier_wait(&barrier);
    }
    free(own);
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t t[64];
    threads = argc > 1 ? (unsigned)atoi(argv[1]) : 4;
    if (threads < 1 || threads > 64 || pthread_barrier_init(&barrier, NULL, threads))
        return 2;
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&t[i], NULL, work, NULL))
            return 1;
    for (unsigned i = 0; i < threads; i++)
        pthread_join(t[i], NULL);
    printf("%u pieces, sum %llu\n", PIECES, (unsigned long long)sum);
    return 0;
}
