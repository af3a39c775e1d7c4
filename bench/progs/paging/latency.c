/*
 * latency.c - latencies of a kernel as lmbench measures them: latency TEST [ROUNDS]. Prints how often it did what; who runs it takes
 * the time. TESTs: null, fork, exec, sh, ctx-PROCESSES-KIB, fault, mmap, prot.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static sigjmp_buf back;
static volatile unsigned faults;

static void on_fault(int sig)
{
    faults++;
    siglongjmp(back, 1);
}

static void null_call(unsigned n)
{
    while (n--)
        syscall(SYS_getppid);
}

static void run_child(const char *const *command)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (command)
            execv(command[0], (char *const *)command);
        _exit(command != NULL);
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
        exit(1);
}

static void children(unsigned n, const char *const *command)
{
    while (n--)
        run_child(command);
}

/* A token goes round a ring of processes; whoever has it sums up its own array first. */
static void ring(unsigned rounds, unsigned processes, unsigned kib)
{
    int pipes[64][2];
    if (processes < 2 || processes > 64)
        exit(2);
    for (unsigned i = 0; i < processes; i++)
        if (pipe(pipes[i]))
            exit(1);
    for (unsigned i = 1; i <= processes; i++) {
        if (i < processes && fork())
            continue;
        unsigned me = i % processes;              /* 0 is this process, last */
        uint64_t words = kib * 1024ull / 8, sum = 0, token = 0;
        uint64_t *own = calloc(words + 1, 8);
        for (unsigned r = 0; r < rounds; r++) {
            if (me == 0) {
                token = r;
                if (write(pipes[1][1], &token, 8) != 8)
                    exit(1);
            }
            if (read(pipes[me][0], &token, 8) != 8)
                exit(1);
            for (uint64_t k = 0; k < words; k++)
                sum += own[k];
            own[0] = sum ^ r;
            if (me && write(pipes[(me + 1) % processes][1], &token, 8) != 8)
                exit(1);
        }
        if (me)
            _exit(0);
    }
    while (wait(NULL) > 0)
        ;
}

static void page_fault(unsigned n)
{
    while (n) {
        unsigned pages = n < 2048 ? n : 2048;
        volatile char *p = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (unsigned i = 0; i < pages; i++)
            p[i * PAGE] = 1;
        munmap((void *)p, (size_t)pages * PAGE);
        n -= pages;
    }
}

/* lmbench's lat_mmap: map, touch every fourth page, unmap. */
static void map(unsigned n)
{
    while (n--) {
        volatile char *p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (unsigned i = 0; i < 64; i += 4)
            p[i * PAGE] = 1;
        munmap((void *)p, 64 * PAGE);
    }
}

static void protection_fault(unsigned n)
{
    volatile char *p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGSEGV, on_fault);
    while (faults < n)
        if (!sigsetjmp(back, 1))
            *p = 1;
}

int main(int argc, char **argv)
{
    static const char *const self[] = { "/proc/self/exe", "nothing", NULL }, *const sh[] = { "/bin/sh", "-c", ":", NULL };
    const char *test = argc > 1 ? argv[1] : "";
    unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 1000, processes, kib;
    if (!strcmp(test, "nothing"))
        return 0;
    if (!strcmp(test, "null"))
        null_call(n);
    else if (!strcmp(test, "fork"))
        children(n, NULL);
    else if (!strcmp(test, "exec"))
        children(n, self);
    else if (!strcmp(test, "sh"))
        children(n, sh);
    else if (sscanf(test, "ctx-%u-%u", &processes, &kib) == 2)
        ring(n, processes, kib);
    else if (!strcmp(test, "fault"))
        page_fault(n);
    else if (!strcmp(test, "mmap"))
        map(n);
    else if (!strcmp(test, "prot"))
        protection_fault(n);
    else
        return 2;
    printf("%s %u\n", test, n);
    return 0;
}
