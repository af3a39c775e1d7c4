#!/bin/sh
# Guest side of the transcript test: a few hundred commands whose output must not depend on the emulator. Every step prints
# its number, so that a difference is found at once. No times, no addresses, no process numbers in the output.

cd /tmp || exit 1
n=0
failures=0

# step COMMAND...: run it, print its output's first line(s) and status.
step() {
    n=$((n + 1))
    out=$("$@" 2>&1)
    status=$?
    printf '%d [%s] %d\n%s\n' "$n" "$*" "$status" "$out"
}
# sum COMMAND LINE: run it in a shell, print the checksum of its output.
sum() {
    n=$((n + 1))
    printf '%d {%s} %s\n' "$n" "$1" "$(sh -c "$1" 2>&1 | sha256sum | cut -c1-16)"
}

echo "== arithmetic"
i=1
while [ $i -le 40 ]; do
    a=$((i * 7919 + 104729)); b=$((i * i * 31 + 17))
    n=$((n + 1))
    echo "$n $((a * b)) $((a / b)) $((a % b)) $((a << (i % 13))) $((a >> (i % 7))) $((a ^ b)) $((a & b)) $((a | b)) $((-a / b)) $((~a)) $((a > b ? a : b))"
    i=$((i + 1))
done
for e in '1+2*3' '(2^64-1)*(2^64+1)' '2^200' '10^40/7' '123456789^5%1000007' 'sqrt(2)' ; do
    sum "echo 'scale=30; $e' | bc"
done
for e in 's(1)' 'c(1)' 'e(1)' 'l(2)' 'a(1)*4'; do sum "echo 'scale=25; $e' | bc -l"; done
sum 'awk "BEGIN { for (i = 1; i <= 200; i++) printf \"%.15g %.15g %.15g %.15g\n\", sin(i), exp(i / 50), log(i), sqrt(i) }"'
sum 'awk "BEGIN { x = 0.5; for (i = 0; i < 5000; i++) x = 3.9 * x * (1 - x); printf \"%.17g\n\", x }"'
sum 'awk "BEGIN { for (i = 0; i < 300; i++) print i / 7, int(i * 1.1), i % 13, i ^ 2, -i / 3 }"'
sum 'seq 1 5000 | awk "{ s += \$1 * \$1; t = t \$1 % 10 } END { print s, length(t), t }"'
step expr 17 \* 23
step expr length "hello world"
step expr "foobar" : 'foo\(.*\)'
step factor 1 2 3 4 97 100 65536 1000000007 600851475143 18446744073709551557
for f in '%d' '%x' '%o' '%e' '%.3f' '%g' '%10d|' '%-10d|' '%05d'; do step printf "$f\n" 12345; done

echo "== text"
seq 1 20000 >numbers
sum 'sort -n numbers'; sum 'sort numbers'; sum 'sort -r numbers'; sum 'sort -k1.2 numbers'; sum 'sort -u numbers numbers'
sum 'head -n 100 numbers'; sum 'tail -n 100 numbers'; sum 'sed -n "100,200p" numbers'; sum 'tac numbers'; sum 'rev numbers'
sum 'sed "s/\([0-9]\)\([0-9]\)/\2\1/g" numbers'; sum 'sed -n "/7\$/p" numbers'; sum 'sed "1~3d" numbers'
sum 'grep 99 numbers'; sum 'grep -c 1 numbers'; sum 'grep -v 0 numbers'; sum 'grep -E "^(1|2)+\$" numbers'; sum 'grep -n 777 numbers'
sum 'cut -c2-3 numbers'; sum 'paste numbers numbers'; sum 'tr 0-9 a-j <numbers'; sum 'tr -d 5 <numbers'; sum 'nl numbers'
sum 'fold -w 7 numbers'; sum 'wc numbers'; sum 'uniq -c numbers'; sum 'od -x numbers'; sum 'od -c numbers'; sum 'hexdump -C numbers'
sum 'xxd numbers'; sum 'xxd numbers | xxd -r'; sum 'expand numbers'; sum 'cat -n numbers'; sum 'tee copy <numbers'; sum 'cmp numbers copy'
sum 'split -l 1000 numbers part- 2>/dev/null; cat part-* 2>/dev/null'; sum 'diff numbers copy'; sum 'sort -R numbers | sort -n'
sum 'base64 numbers'; sum 'base64 numbers | base64 -d'; sum 'uuencode x <numbers'; sum 'strings numbers'; sum 'dd if=numbers bs=37 count=500 2>/dev/null'
sum 'awk "NR % 3 == 0 { print \$1, NR; next } { n++ } END { print n }" numbers'
sum 'awk "{ c[substr(\$1, 1, 2)]++ } END { for (k in c) print k, c[k] }" numbers | sort'
sum 'awk "{ gsub(/[13579]/, \"<&>\"); print toupper(\$0) }" numbers'
sum 'xargs -n 50 echo <numbers'; sum 'seq 1 100 | xargs -n 7 -P 1 expr 1 + 2 +'
for s in md5sum sha1sum sha256sum sha512sum sha3sum crc32 cksum; do sum "$s numbers"; done
seq 1 1000 | sed 's/.*/line & of a file that will be changed/' >before
sed -e '100,110d' -e '500s/line/LINE/' -e '900a\
added' before >after
sum 'diff before after'; sum 'diff -u before after | tail -n +3 >p; cp before c2; patch c2 <p; cmp c2 after && cat c2'

echo "== archives"
mkdir -p tree/a/b/c tree/d; for i in 1 2 3 4 5 6 7 8 9; do seq $i 3000 >tree/a/f$i; seq 1 $i >tree/a/b/c/g$i; done
ln -s ../a/f1 tree/d/link
for z in gzip bzip2 xz lzop; do
    sum "which $z >/dev/null && $z -c numbers | $z -dc"
done
for l in 1 6 9; do sum "gzip -$l -c <numbers | gunzip"; sum "bzip2 -$l -c <numbers | bunzip2"; done
sum 'gzip -c <numbers | zcat'; sum 'bzip2 -c <numbers'; sum 'tar cf - tree | tar tf - | sort'
sum 'tar czf t.tgz tree && mkdir -p x1 && tar xzf t.tgz -C x1 && find x1 -type f | sort | xargs sha256sum'
sum 'tar cjf t.tbz tree && mkdir -p x2 && tar xjf t.tbz -C x2 && find x2 -type f | sort | xargs md5sum'
sum 'find tree | sort | cpio -o -H newc 2>/dev/null | (mkdir -p x3; cd x3; cpio -id 2>/dev/null; find . -type f | sort | xargs cat)'
sum 'diff -r tree x1/tree && echo same'

echo "== files"
step mkdir -p d1/d2/d3
step touch d1/a d1/b d1/d2/c
step ls -R d1
step cp -r d1 d4
step mv d4/a d4/z
step ls d4
step ln d1/a d1/hard
step stat -c '%h %s %F %a' d1/a
step chmod 751 d1/a
step stat -c '%a' d1/a
step rm d1/hard
step ln -s a d1/sym
step readlink d1/sym
step realpath d1/../d1/sym
step test -L d1/sym
step test -d d1/sym
step rmdir d1
step rm -r d1
step ls d1
step truncate -s 100000 sparse
step stat -c '%s' sparse
step dd if=/dev/zero of=zeros bs=4096 count=300
sum 'sha256sum zeros'
step fallocate -l 65536 alloc
step stat -c '%s' alloc
step mkfifo fifo
step find tree -name 'g*'
step find tree -size +8k -type f
step du -s tree/a/b
step basename /a/b/c.txt .txt
step dirname /a/b/c.txt
step df /nonexistent
step cat /nonexistent
step mount -t tmpfs none /mnt
step sh -c 'echo data >/mnt/f; cat /mnt/f'
step umount /mnt
step ls /mnt
sum 'for i in 1 2 3 4 5 6 7 8; do cp numbers big.$i; done; cat big.* | sha256sum; rm big.*'

echo "== processes"
step sh -c 'exit 7'
step sh -c 'kill -9 $$'
step sh -c 'kill -SEGV $$'
step sh -c 'trap "echo caught" TERM; kill -TERM $$; echo after'
step sh -c 'trap "echo bye" EXIT; exit 3'
# The shell says "Terminated" only if the child is still there when it begins to wait.
step sh -c 'sleep 100 & p=$!; kill $p; wait $p 2>/dev/null; echo $?'
step sh -c '(exit 5) & wait $!; echo $?'
step timeout 1 sleep 10
step sh -c 'a=1; (a=2); echo $a'
step sh -c 'echo one | cat | cat | cat | cat | cat | cat | cat | cat'
step sh -c 'cat fifo & echo through the fifo >fifo; wait'
step sh -c 'f() { if [ $1 -le 1 ]; then echo 1; else echo $(( $1 * $(f $(($1 - 1))) )); fi; }; f 12'
step sh -c 'i=0; while [ $i -lt 100 ]; do (exit $((i % 3))) || :; i=$((i + 1)); done; echo $i'
step sh -c 'i=0; while [ $i -lt 60 ]; do /bin/true; i=$((i + 1)); done; echo $i'
step sh -c 'for i in 1 2 3 4 5 6 7 8; do sh -c "seq 1 500 | tail -n 1" & done; wait' 
step sh -c 'yes | head -n 5000 | wc -l'
step sh -c 'seq 1 3000 | while read a; do echo $((a % 7)); done | sort | uniq -c'
step env -i A=1 B=2 env
step sh -c 'ulimit -n 16; ulimit -n'
step setsid sh -c 'echo session'
step chroot / /bin/busybox echo chrooted
step nproc
step uname -m
step id
step whoami
step hostname
step sh -c 'echo $0 $#' a b c
step sh -c 'set -- a b c; shift; echo $@; echo ${1:-x} ${4:-y} ${#1}'
step sh -c 'x=foobarbaz; echo ${x#foo} ${x%baz} ${x##*b} ${x/bar/BAR} ${#x} ${x:2:3}'
step sh -c 'case hello in h*o) echo match;; *) echo no;; esac'
step sh -c 'IFS=:; set -- a:b:c; for w in $1; do echo $w; done'
step sh -c 'cat <<X
here $((1 + 1))
X'
step getopt -o ab:c -- -a -b x y
step date -u -d @1000000000 '+%Y-%m-%d %H:%M:%S %j %u'
step date -u -d '2001-02-03 04:05:06' +%s
step cal 2 2024
sum 'od -An -N16 -v -tx1 /dev/zero'
sum 'dd if=/dev/urandom bs=1k count=256 2>/dev/null | wc -c'
step grep -v BogoMIPS /proc/cpuinfo
sum 'cut -d" " -f1 /proc/modules 2>/dev/null | sort'
sum 'cat /proc/filesystems'; sum 'sed "s/,size=[^,]*//; s/,nr_inodes=[^,]*//" /proc/mounts'; step grep -c 'System RAM' /proc/iomem
sum 'ls /sys/bus /sys/class | sort'
step cat /sys/devices/system/cpu/online
step cat /proc/sys/kernel/ostype

echo "== programs"
for p in fp memory signals selfmod threads processes; do
    if [ -x /opt/tests/$p ]; then step /opt/tests/$p; fi
done
echo "== end: $n steps"
