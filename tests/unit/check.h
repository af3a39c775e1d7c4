/*
 * check.h - counting checks for unit tests.
 */
#ifndef GNOMON_TESTS_CHECK_H
#define GNOMON_TESTS_CHECK_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned n_passed, n_failed;

#define CHECK(cond) check_at(__LINE__, #cond, (cond))
static inline void check_at(int line, const char *what, bool ok)
{
    if (ok) {
        n_passed++;
    } else {
        n_failed++;
        printf("line %d: failed: %s\n", line, what);
    }
}

#define CHECK_EQ(a, b) check_eq_at(__LINE__, #a, (uint64_t)(a), (uint64_t)(b))
static inline void check_eq_at(int line, const char *what, uint64_t got, uint64_t want)
{
    check_at(line, what, got == want);
    if (got != want)
        printf("    got 0x%llx, want 0x%llx\n", (unsigned long long)got, (unsigned long long)want);
}

/* fn(arg) ends the process by die(): exit status 1. Its message is not shown. */
static inline bool dies(void (*fn)(void *), void *arg)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        if (null >= 0)
            dup2(null, STDERR_FILENO);
        fn(arg);
        _exit(0);
    }
    int status = 0;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static inline int check_done(void)
{
    printf("%u passed, %u failed\n", n_passed, n_failed);
    return n_failed != 0;
}

#endif
