#!/bin/sh
# Guest side of the stress run on several CPUs: stress-ng with --verify, two workers and more of what crosses CPUs (shootdowns,
# fork, futex, threads, context switches), group after group, for SECONDS (argument 1, default 300).
# Prints a line a group and ends with `stress: N groups, N failed`.
end=$(($(date +%s) + ${1:-300}))
n=0
bad=0
while [ "$(date +%s)" -lt "$end" ]; do
    for group in \
        "--tlb-shootdown 4" \
        "--vm 2 --vm-bytes 64M --fork 2" \
        "--mmap 2 --mmap-bytes 32M --mprotect 2 --munmap 1" \
        "--futex 4 --pthread 2" \
        "--switch 4 --pipe 2" \
        "--membarrier 2 --atomic 4 --mutex 2" \
        "--exec 2 --vfork 2 --clone 2" \
        "--icache 2 --sigsegv 2 --fault 2" \
        "--madvise 2 --mremap 2 --memfd 1" \
        "--sem 2 --signal 2 --timer 2 --poll 2"; do
        [ "$(date +%s)" -lt "$end" ] || break
        n=$((n + 1))
        # shellcheck disable=SC2086
        if stress-ng --verify --timeout 12 --oomable --temp-path /tmp $group >/tmp/stress.log 2>&1; then
            echo "stress: ok $group"
        else
            bad=$((bad + 1))
            echo "stress: FAILED $group"
            cat /tmp/stress.log
        fi
    done
done
grep -E 'MemAvailable' /proc/meminfo
echo "stress: $n groups, $bad failed"
[ "$bad" = 0 ]
