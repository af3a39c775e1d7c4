/*
 * kernel.c - benchmark: what the guest's kernel does for a process: kernel.c NAME runs one of: syscall, signal, switch, fork,
 * exec, fault, mmap, file, pipe, thread, stat. Mode changes, address space changes, page faults, TLB maintenance.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int signals;
static void on_signal(int sig) { signals++; }

static long do_syscall(void)
{
    long n = 0;
    for (int i = 0; i < 600000; i++)
        n += syscall(SYS_getppid) != 0;
    return n;
}

static long do_signal(void)
{
    signal(SIGUSR1, on_signal);
    for (int i = 0; i < 60000; i++)
        raise(SIGUSR1);
    return signals;
}

static long do_switch(void)
{
    int there[2], back[2];
    char c = 'x';
    long n = 0;
    if (pipe(there) || pipe(back))
        return -1;
    if (!fork()) {
        close(there[1]);
        while (read(there[0], &c, 1) == 1)
            if (write(back[1], &c, 1) != 1)
                break;
        _exit(0);
    }
    for (int i = 0; i < 25000; i++)
        if (write(there[1], &c, 1) == 1 && read(back[0], &c, 1) == 1)
            n++;
    close(there[1]);
    wait(NULL);
    return n;
}

static char touched[1 << 20];

static long do_fork(void)
{
    long n = 0;
    memset(touched, 1, sizeof(touched));
    for (int i = 0; i < 700; i++) {
        pid_t pid = fork();
        if (!pid) {
            for (size_t j = 0; j < sizeof(touched); j += 16384)
                touched[j]++;
            _exit(3);
        }
        int status;
        waitpid(pid, &status, 0);
        n += WEXITSTATUS(status);
    }
    return n;
}

static long do_exec(void)
{
    long n = 0;
    for (int i = 0; i < 500; i++) {
        pid_t pid = vfork();
        if (!pid) {
            execl("/proc/self/exe", "kernel", "true", (char *)NULL);
            _exit(1);
        }
        int status;
        waitpid(pid, &status, 0);
        n += status == 0;
    }
    return n;
}

static long do_fault(void)
{
    long n = 0;
    for (int round = 0; round < 40; round++) {
        size_t size = 8 << 20;
        volatile char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (size_t i = 0; i < size; i += 4096)
            p[i] = 1, n++;
        munmap((void *)p, size);
    }
    return n;
}

static long do_mmap(void)
{
    long n = 0;
    char *p = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 20000; i++) {
        p[(i % 64) * 4096] = 1;
        n += mprotect(p + (i % 64) * 4096, 4096, PROT_READ) == 0;
        n += p[(i % 64) * 4096];
        n += mprotect(p + (i % 64) * 4096, 4096, PROT_READ | PROT_WRITE) == 0;
    }
    return n;
}

static long do_file(void)
{
    long n = 0;
    static char buf[65536];
    for (int round = 0; round < 200; round++) {
        int fd = open("bench.file", O_RDWR | O_CREAT | O_TRUNC, 0600);
        for (int i = 0; i < 16; i++)
            n += write(fd, buf, sizeof(buf)) > 0;
        lseek(fd, 0, SEEK_SET);
        while (read(fd, buf, 4096) > 0)
            n++;
        close(fd);
    }
    unlink("bench.file");
    return n;
}

static long do_pipe(void)
{
    static char buf[65536];
    int p[2];
    long n = 0, got;
    if (pipe(p))
        return -1;
    if (!fork()) {
        close(p[0]);
        for (int i = 0; i < 6000; i++)
            if (write(p[1], buf, sizeof(buf)) != sizeof(buf))
                _exit(1);
        _exit(0);
    }
    close(p[1]);
    while ((got = read(p[0], buf, sizeof(buf))) > 0)
        n += got;
    wait(NULL);
    return n;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static int turn;
static long turns;

static void *take_turns(void *arg)
{
    int me = *(int *)arg;
    for (int i = 0; i < 10000; i++) {
        pthread_mutex_lock(&lock);
        while (turn != me)
            pthread_cond_wait(&turned, &lock);
        turn = !me;
        turns++;
        pthread_cond_signal(&turned);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void *nothing(void *arg) { return arg; }

static long do_thread(void)
{
    static int who[2] = { 0, 1 };
    pthread_t t[2];
    long n = 0;
    for (int i = 0; i < 2000; i++) {
        void *result;
        n += !pthread_create(&t[0], NULL, nothing, who) && !pthread_join(t[0], &result) && result == who;
    }
    for (int i = 0; i < 2; i++)
        if (pthread_create(&t[i], NULL, take_turns, &who[i]))
            return -1;
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    return n + turns;
}

static long do_stat(void)
{
    long n = 0;
    char name[32];
    struct stat st;
    for (int i = 0; i < 200; i++) {
        sprintf(name, "stat.%d", i);
        int fd = open(name, O_RDWR | O_CREAT, 0600);
        n += write(fd, name, 8) == 8;
        close(fd);
    }
    for (int round = 0; round < 250; round++)
        for (int i = 0; i < 250; i++) {
            sprintf(name, "stat.%d", i);
            n += stat(name, &st) == 0 && st.st_size == 8;
        }
    for (int i = 0; i < 200; i++) {
        sprintf(name, "stat.%d", i);
        n += unlink(name) == 0;
    }
    return n;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; long (*fn)(void); } all[] = {
        { "syscall", do_syscall }, { "signal", do_signal }, { "switch", do_switch }, { "fork", do_fork }, { "exec", do_exec },
        { "fault", do_fault }, { "mmap", do_mmap }, { "file", do_file },
        { "pipe", do_pipe }, { "thread", do_thread }, { "stat", do_stat },
    };
    if (argc > 1 && !strcmp(argv[1], "true"))
        return 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (argc > 1 && !strcmp(argv[1], all[i].name)) {
            printf("%ld\n", all[i].fn());
            return 0;
        }
    return 2;
}
