#!/bin/sh
# Runs in the guest: Debian's git and make from a shared folder that is the root (read-only), working in another that is mounted below it.
# What git says is compared with the host's git by shareroot.py.
o=trans=virtio,version=9p2000.L,msize=524288
mount -t 9p -o $o,cache=loose,ro root /mnt && mount -t 9p -o $o work /mnt/home || exit 1
mount --bind /proc /mnt/proc
mount --bind /dev /mnt/dev
cat >/mnt/home/go.sh <<'END'
export PATH=/usr/bin:/bin HOME=/home GIT_PAGER=cat GIT_AUTHOR_DATE="2020-01-01T00:00:00Z" GIT_COMMITTER_DATE="2020-01-01T00:00:00Z"
set -e
mkdir /home/proj && cd /home/proj
git init -q -b main . && git config user.email a@b && git config user.name n
for i in 1 2 3 4 5 6; do
    mkdir d$i
    for j in 1 2 3 4 5; do echo "content $i $j" >d$i/f$j; done
done
ln -s d1/f1 link
chmod 755 d1/f2
printf 'SHELL = /bin/dash\nall: out\nout: $(wildcard d*/f*)\n\tcat $^ >$@\n' >Makefile
git add . && git commit -qm first
git status --porcelain
echo x >>d1/f1; rm d2/f2
echo "changed: $(git status --porcelain | tr '\n' ';')"
make -s && make -q && echo "made: $(sha256sum <out)"
git stash -q && git stash pop -q && git gc -q && git fsck --no-dangling && echo "head: $(git rev-parse HEAD)"
END
chroot /mnt /bin/dash /home/go.sh && echo "root: ok"
touch /mnt/etc/x 2>/dev/null && echo "root: was written to"
umount /mnt/home
