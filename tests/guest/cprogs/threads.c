/*
 * threads.c - guest test: threads, mutexes, condition variables, atomics, thread-local storage. Deterministic output.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define THREADS 8
#define ROUNDS 2000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static long guarded;
static atomic_long counted, exchanged;
static _Atomic unsigned char byte_count;
static int turn;
static _Thread_local long mine;

static void *work(void *arg)
{
    long id = (long)arg;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&lock);
        guarded += id;
        pthread_mutex_unlock(&lock);
        atomic_fetch_add(&counted, 1);
        atomic_fetch_add(&byte_count, 1);
        long old = atomic_load(&exchanged);
        while (!atomic_compare_exchange_weak(&exchanged, &old, old + id))
            ;
        mine += id;
    }
    return (void *)mine;
}

static void *take_turns(void *arg)
{
    long id = (long)arg, sum = 0;
    for (int i = 0; i < 50; i++) {
        pthread_mutex_lock(&lock);
        while (turn % THREADS != id)
            pthread_cond_wait(&turn_changed, &lock);
        sum = sum * 31 + turn++;
        pthread_cond_broadcast(&turn_changed);
        pthread_mutex_unlock(&lock);
    }
    return (void *)sum;
}

static void run(void *(*fn)(void *), const char *name)
{
    pthread_t t[THREADS];
    long hash = 0;
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&t[i], NULL, fn, (void *)i))
            printf("%s: thread %ld: cannot create\n", name, i);
    for (int i = 0; i < THREADS; i++) {
        void *r;
        pthread_join(t[i], &r);
        hash = hash * 1000003 + (long)r;
    }
    printf("%s %ld\n", name, hash);
}

int main(void)
{
    run(work, "work");
    printf("guarded %ld counted %ld exchanged %ld byte %d\n", guarded, (long)counted, (long)exchanged, byte_count);
    run(take_turns, "turns");
    printf("turn %d\n", turn);
    return 0;
}
