#!/bin/sh
# Guest side of bench/io: carries out the rows that it is given by name (GROUP:JOB), and prints a mark before and after each.
# A disk is known by its serial number, a network card by its address; both are their group's. cmd/JOB has what fio or iperf3
# is to do. The host plays the other side of the network, at the marks.
export BENCH=/opt/bench PATH=/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C
cd /tmp || exit 1

# All jobs of one disk in one run of fio: its start is slow.
flush() {
    [ -s jobs ] || return 0
    fio --minimal --output=result jobs >said 2>&1 || echo "io-failed $disk $(grep -v '^$' said | head -n 1)"
    grep '^3;' result | cut -d';' -f1-50 | sed 's/^/io-fio /'
    rm -f jobs result
}

find_disk() {
    for d in /sys/block/vd*; do
        [ "$(cat "$d/serial")" = "$1" ] && echo "/dev/${d##*/}"
    done
}

# $1: the last byte of the card's address and the third of its network's.
find_card() {
    for d in /sys/class/net/*; do
        case $(cat "$d/address") in *:$1) echo "${d##*/}" ;; esac
    done
}

network() {
    . "$BENCH/cmd/$job"
    card=$(find_card "$net") host=10.0.$net.2
    ip addr show "$card" | grep -q 10.0.$net.15 || { ip link set "$card" up; ip addr add "10.0.$net.15/24" dev "$card"; }
    if [ "$to" = guest ]; then
        iperf3 -s -1 -p 5201 >said 2>&1 &
        until cat /proc/net/tcp /proc/net/tcp6 | grep -q ':1451 [0-9A-F:]* 0A'; do sleep 0.1; done
        echo "io-listen $1"
        wait $!
    else
        echo "io-connect $1"
        read -r port
        iperf3 -c "$host" -p "$port" $options >said 2>&1
    fi
    status=$?
    echo "io-end $1"
    [ $status = 0 ] || echo "io-failed $1 $(tail -n 1 said)"
}

for row in "$@"; do
    group=${row%%:*} job=${row#*:}
    case $group in
    net*)
        flush
        net=$(sed -n "s/^$group //p" "$BENCH/cmd/networks")
        network "$row"
        continue
        ;;
    esac
    if [ "$group" != "$disk" ]; then
        flush
        disk=$group device=$(find_disk "$group")
        cp "$BENCH/cmd/global" jobs
    fi
    {
        echo "[$row]"
        echo "filename=$device"
        cat "$BENCH/cmd/$job"
        echo "exec_prerun=echo io-begin $row >/dev/console && true"
        echo "exec_postrun=echo io-end $row >/dev/console && true"
    } >>jobs
done
flush
