#!/bin/sh
# Runs in the guest: address by DHCP, a file by TFTP, TCP out to the host and in through a forwarded port. Argument: the port of the
# host's server. What passes is compared by checksum; net.py plays the host.
fail=0
check() { [ "$2" = "$3" ] || { echo "net: $1: got '$2', want '$3'"; fail=1; }; }
cat >/tmp/dhcp <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add $ip/$mask dev $interface
ip route add default via $router
echo "$ip $router $dns $domain $hostname $search" >/tmp/lease
END
chmod +x /tmp/dhcp
ip link set eth0 up
udhcpc -i eth0 -n -q -t 10 -T 1 -O search -s /tmp/dhcp >/dev/null 2>&1 || fail=1
check lease "$(cat /tmp/lease)" "10.0.2.15 10.0.2.2 10.0.2.3 example.org guest one.example two.example"
ping -c 1 -W 10 10.0.2.2 >/dev/null || { echo "net: ping"; fail=1; }
tftp -g -r file -l /tmp/file 10.0.2.2 || fail=1
sum=$(sha256sum </tmp/file)
nc 10.0.2.2 $1 </dev/null >/tmp/down || fail=1
check download "$(sha256sum </tmp/down)" "$sum"
# One that listens in the guest; the host sends when it is told to.
echo "net: listening"
nc -l -p 7000 >/tmp/up </dev/null
echo "net: uploaded"
check upload "$(sha256sum </tmp/up)" "$sum"
nc -l -p 7001 </tmp/file >/dev/null
echo "net: fail=$fail"
