#!/bin/sh
# Runs in the guest: mounts a shared folder below /mnt and works in it. What it leaves there and prints is compared with the
# host's view by share.py. Arguments: TAG OPTION..., several such groups being divided by "--".
tag=$1
options=version=9p2000.L,trans=virtio
shift
while [ $# != 0 ] && [ "$1" != -- ]; do options=$options,$1; shift; done
rest=$*
mkdir -p /mnt/s
mount -t 9p -o "$options" "$tag" /mnt/s || exit 1
cd /mnt/s || exit 1
fail=0
check() { [ "$2" = "$3" ] || { echo "share: $1: got '$2', want '$3'"; fail=1; }; }
must() { "$@" || { echo "share: failed: $*"; fail=1; }; }
refuse() { "$@" 2>/dev/null && { echo "share: was allowed: $*"; fail=1; }; }

check host "$(cat from-host)" "written by the host"
# contents: sizes around the message's size, holes, appending, truncation
i=0
mkdir data
for size in 0 1 4095 4096 4097 65536 131072 524277 524288 1000003; do
    i=$((i + 1))
    dd if=/dev/urandom of=data/f$i bs=$size count=1 2>/dev/null || : >data/f$i
    check size "$(stat -c %s data/f$i)" $size
    sha256sum data/f$i >>sums
done
must dd if=/dev/zero of=data/hole bs=1 count=1 seek=3000000 2>/dev/null
check hole "$(stat -c %s data/hole)" 3000001
for w in a b c; do echo $w >>data/app; done
check append "$(tr '\n' ' ' <data/app)" "a b c "
must truncate -s 3 data/app
check truncate "$(stat -c %s data/app)" 3
# names, modes, owners, links
mkdir -p d/e/f
must mv d/e d/g
check moved "$(ls d)" g
ln -s ../data/f2 d/link
check readlink "$(readlink d/link)" ../data/f2
must cmp d/link data/f2
ln data/f3 d/hard
check links "$(stat -c %h d/hard)" 2
chmod 4751 data/f4
check mode "$(stat -c %a data/f4)" 4751
chown 1234:567 data/f4
check owner "$(stat -c %u:%g data/f4)" 1234:567
touch -d "2001-02-03 04:05:06" data/f5
check time "$(stat -c %Y data/f5)" "$(date -d '2001-02-03 04:05:06' +%s)"
mkfifo d/fifo
check fifo "$(stat -c %F d/fifo)" fifo
(echo through >d/fifo) &
check fifo "$(cat d/fifo)" through
mknod d/null c 1 3
echo x >d/null
check device "$(stat -c %F:%t:%T d/null)" "character special file:1:3"
refuse rmdir d
refuse mv d d/g/f
echo one >d/1; echo two >d/2
must mv d/1 d/2
check over "$(cat d/2)" one
# an open file without a name
exec 3>d/gone 4<d/gone
rm d/gone
echo still here >&3
check unlinked "$(cat <&4)" "still here"
exec 3>&- 4<&-
# a large directory, read while it changes
mkdir many
i=0
while [ $i -lt 300 ]; do : >many/file-with-a-rather-long-name-$i; i=$((i + 1)); done
check many "$(ls many | wc -l)" 300
rm many/*7
check many "$(ls many | wc -l)" 270
must rm -r many
# the tree's end
check dotdot "$(ls -id /mnt/s/d/.. | cut -d' ' -f1)" "$(ls -id /mnt/s | cut -d' ' -f1)"
refuse cat outside
umask 027
echo done >result
mkdir sub
cd /
umount /mnt/s || fail=1
echo "share: $tag: fail=$fail"
[ -z "$rest" ] || exec /bin/sh /opt/tests/share.sh ${rest#-- }
