/*
 * debuggee.c - what tests/guest/gdb.py debugs: a loop with a system call, a function and a variable that changes.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

volatile long counter;
volatile double ratio = 0.5;

__attribute__((noinline)) long tick(long by)
{
    counter += by;
    ratio *= 1.5;
    return counter;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("debuggee: %d\n", getpid());
    for (long n = 1;; n++) {
        getppid();
        tick(n);
        nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
    }
}
