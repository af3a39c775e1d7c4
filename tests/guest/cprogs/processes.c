/*
 * processes.c - guest test: many address spaces at once: processes that pass a token through pipes, each checking memory of
 * its own, so that a translation of another process shows; exec of itself; vfork; shared futex.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCS 24
#define LAPS 40
#define PAGES 32

static uint32_t own[PAGES * 1024];               /* the same virtual addresses in every process */

static uint32_t check(uint32_t id, uint32_t lap)
{
    uint32_t bad = 0;
    for (uint32_t i = 0; i < PAGES; i++) {
        bad += own[i * 1024 + id] != id * 1000 + lap + i;
        own[i * 1024 + id] = id * 1000 + lap + 1 + i;
    }
    return bad;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void ring(void)
{
    int pipes[PROCS][2];
    for (int i = 0; i < PROCS; i++)
        if (pipe(pipes[i]))
            die("pipe");
    for (uint32_t id = 0; id < PROCS; id++) {
        fflush(stdout);
        pid_t pid = fork();
        if (pid < 0)
            die("fork");
        if (pid)
            continue;
        uint32_t bad = 0;
        for (uint32_t i = 0; i < PAGES; i++)
            own[i * 1024 + id] = id * 1000 + i;
        for (uint32_t lap = 0; lap < LAPS; lap++) {
            uint64_t token;
            if (read(pipes[id][0], &token, 8) != 8)
                exit(2);
            bad += check(id, lap);
            token = token * 6364136223846793005ull + id;
            if (id == PROCS - 1 && lap == LAPS - 1)
                printf("token %016lx\n", (unsigned long)token);
            else if (write(pipes[(id + 1) % PROCS][1], &token, 8) != 8)
                exit(3);
        }
        fflush(stdout);
        _exit(bad ? 4 : 0);
    }
    uint64_t token = 42;
    if (write(pipes[0][1], &token, 8) != 8)
        die("write");
    int failures = 0;
    for (int i = 0; i < PROCS; i++) {
        int status;
        wait(&status);
        failures += status != 0;
    }
    printf("ring: %d of %d processes failed\n", failures, PROCS);
}

static void execs(const char *self)
{
    int bad = 0;
    for (int i = 0; i < 60; i++) {
        pid_t pid = i & 1 ? vfork() : fork();
        if (!pid) {
            char n[12];
            snprintf(n, sizeof(n), "%d", i);
            execl(self, self, n, (char *)NULL);
            _exit(99);
        }
        int status;
        waitpid(pid, &status, 0);
        bad += WEXITSTATUS(status) != (i * 3) % 64;
    }
    printf("execs: %d bad\n", bad);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        memset(own, argv[1][0], sizeof(own));
        return (atoi(argv[1]) * 3) % 64;
    }
    ring();
    execs("/proc/self/exe");
    return 0;
}
