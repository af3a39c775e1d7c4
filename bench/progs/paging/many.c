/*
 * many.c - many processes that take turns: many PROCESSES TURNS KIB. Each touches its own memory page by page at every turn, as
 * the programs of a desktop or a phone do, and gives the turn to the next. Prints a sum.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 24, turns = argc > 2 ? (unsigned)atoi(argv[2]) : 100;
    size_t words = (argc > 3 ? (size_t)atoi(argv[3]) : 256) * 1024 / 8;
    int pipes[65][2], sums[2];
    if (n < 1 || n > 64 || pipe(sums))
        return 2;
    for (unsigned i = 0; i <= n; i++)
        if (pipe(pipes[i]))
            return 1;
    for (unsigned i = 0; i < n; i++) {
        if (fork())
            continue;
        uint64_t *own = malloc(words * 8), x = i + 1, sum = 0;
        for (size_t k = 0; k < words; k++)
            own[k] = k * i;
        for (unsigned t = 0; t < turns; t++) {
            char c;
            if (read(pipes[i][0], &c, 1) != 1)
                _exit(1);
            for (unsigned k = 0; k < 20000; k++) {
                x = x * 6364136223846793005ull + 1442695040888963407ull;
                own[(x >> 33) % words] += sum += own[(x >> 13) % words];
            }
            if (write(pipes[i + 1][1], &c, 1) != 1)
                _exit(1);
        }
        if (write(sums[1], &sum, 8) != 8)
            _exit(1);
        _exit(0);
    }
    uint64_t total = 0;
    for (unsigned t = 0; t < turns; t++) {
        char c = 't';
        if (write(pipes[0][1], &c, 1) != 1 || read(pipes[n][0], &c, 1) != 1)
            return 1;
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t sum;
        if (read(sums[0], &sum, 8) != 8)
            return 1;
        total += sum;
    }
    while (wait(NULL) > 0)
        ;
    printf("%u processes, %u turns, sum %llu\n", n, turns, (unsigned long long)total);
    return 0;
}
