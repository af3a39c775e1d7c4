#!/bin/sh
# Runs in the guest: says what it has, a line each. clients.py compares that with the command line that made the machine.
probe() { echo "probe: $*"; }
probe "cpus $(nproc) memory $(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1024))"
probe "el $(dmesg | sed -n 's/.*CPU: All CPU(s) started at //p')"
for d in /sys/block/vd*; do
    [ -e "$d" ] || continue
    n=${d##*/}
    probe "disk $n sectors=$(cat $d/size) ro=$(cat $d/ro) serial=$(cat $d/serial 2>/dev/null) first=$(head -c 16 /dev/$n | tr -dc 'A-Za-z0-9-')"
    if grep -q "root=/dev/$n" /proc/cmdline && mount -t ext4 /dev/$n /mnt; then
        probe "root $(chroot /mnt /bin/busybox cat /etc/marker)"
        echo "written by the guest" >/mnt/written
        umount /mnt
    fi
done
printf '#!/bin/sh\n[ "$1" = bound ] && ip addr add $ip/$mask dev $interface && echo "$ip" >/tmp/lease\n' >/tmp/dhcp
chmod +x /tmp/dhcp
for d in /sys/class/net/eth*; do
    [ -e "$d" ] || continue
    n=${d##*/}
    rm -f /tmp/lease
    ip link set "$n" up
    udhcpc -i "$n" -n -q -t 10 -T 1 -s /tmp/dhcp >/dev/null 2>&1
    probe "net $n $(cat $d/address) $(cat /tmp/lease)"
done
[ ! -s /sys/class/misc/hw_random/rng_current ] || probe "rng $(cat /sys/class/misc/hw_random/rng_current) $(head -c 32 /dev/hwrng | wc -c)"
for d in /sys/bus/virtio/drivers/virtio_balloon/virtio*; do
    [ ! -e "$d" ] || probe "balloon $(cut -c1-6 "$d/features")"
done
for d in /sys/class/virtio-ports/*; do
    [ -e "$d" ] || continue
    name=$(cat "$d/name" 2>/dev/null)
    probe "port ${d##*/} $name"
    if [ -n "$name" ]; then echo "guest of $name" >"/dev/${d##*/}"; fi
done
for d in /dev/hvc*; do
    [ ! -e "$d" ] || grep -q "console=${d##*/}" /proc/cmdline || echo "guest of ${d##*/}" >"$d"
done
for d in /sys/bus/virtio/drivers/9pnet_virtio/virtio*; do
    [ -e "$d" ] || continue
    tag=$(tr -d '\0' <"$d/mount_tag")
    mount -t 9p -o trans=virtio,version=9p2000.L,ro "$tag" /mnt && probe "share $tag $(cat /mnt/marker)"
    umount /mnt
done
probe end
