#!/bin/sh
# Guest side of bench/run: runs every benchmark once and prints a line before and after each; the host takes the time.
for b in hash sort sieve interp string float; do
    echo "bench-begin $b"
    echo "bench-end $b $(/opt/bench/$b | md5sum | cut -c1-16)"
done
for b in syscall signal switch fork exec fault mmap file; do
    echo "bench-begin $b"
    echo "bench-end $b $(/opt/bench/kernel $b)"
done
echo "bench-begin shell"
i=0
while [ $i -lt 150 ]; do
    x=$(echo $i | sed 's/1/2/' | cat)
    i=$((i + 1))
done
echo "bench-end shell $x"
