#!/bin/sh
# Guest side of the stress run: stress-ng with --verify, group after group, for SECONDS (argument 1, default 1800).
# Prints a line a group and ends with `stress: N groups, N failed`.
end=$(($(date +%s) + ${1:-1800}))
n=0
bad=0
while [ "$(date +%s)" -lt "$end" ]; do
    for group in \
        "--vm 1 --vm-bytes 48M --fork 1 --pipe 1" \
        "--mmap 1 --mmap-bytes 32M --mremap 1 --mprotect 1 --switch 1" \
        "--pthread 1 --futex 1 --sem 1 --sigsegv 1" \
        "--cpu 1 --matrix 1 --fp 1" \
        "--qsort 1 --str 1 --wcs 1 --bsearch 1 --tree 1" \
        "--exec 1 --vfork 1 --clone 1 --zombie 1" \
        "--signal 1 --sigfd 1 --sigq 1 --kill 1 --timer 1" \
        "--hdd 1 --hdd-bytes 8M --dentry 1 --rename 1 --tmpfs 1" \
        "--memcpy 1 --memfd 1 --madvise 1 --mincore 1 --msync 1" \
        "--crypt 1 --hash 1 --zlib 1 --atomic 1" \
        "--tlb-shootdown 1 --munmap 1 --brk 1 --stack 1" \
        "--icache 1 --vecmath 1 --bad-altstack 1 --fault 1"; do
        [ "$(date +%s)" -lt "$end" ] || break
        n=$((n + 1))
        # shellcheck disable=SC2086
        if stress-ng --verify --timeout 20 --oomable --temp-path /tmp $group >/tmp/stress.log 2>&1; then
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
