#!/bin/sh
# Guest side of bench/run: runs the benchmarks that it is given by name and prints a mark before and after each; the host
# takes the time at the marks. What a benchmark printed is told as a checksum and its first line.
export BENCH=/opt/bench PATH=/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C
for b in "$@"; do
    mkdir -p /tmp/bench
    cd /tmp/bench || exit 1
    if [ -e $BENCH/cmd/$b.prep ]; then
        sh $BENCH/cmd/$b.prep >/tmp/bench.prep 2>&1
    fi
    echo "bench-begin $b"
    sh $BENCH/cmd/$b >/tmp/bench.out 2>&1 </dev/null
    echo "bench-end $b $?"
    echo "bench-output $b $(md5sum </tmp/bench.out | cut -c1-16) $(head -n 1 /tmp/bench.out | tr -cd ' -~' | cut -c1-70)"
    cd /
    rm -rf /tmp/bench
done
