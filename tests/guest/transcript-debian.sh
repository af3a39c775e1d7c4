#!/bin/bash
# Guest side of the transcript test for Debian's own dynamic programs: perl, python3, openssl, bash, coreutils, gawk, and round
# trips through bzip2, xz and gzip, of 2 MB and then of 20 MB; with the argument `quick` of 2 MB only. Nothing that is printed
# depends on time, addresses, process numbers or the emulator.
export PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 LC_ALL=C PERL_HASH_SEED=0 OPENSSL_CONF=/dev/null HOME=/root
# Debian's programs before busybox's, and bash: busybox's shell would run its own applets.
export PATH=/usr/bin:/usr/sbin:/bin:/sbin
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
cd /tmp || exit 1
n=0

# step COMMAND LINE: run it in a shell, print all of its output and its status.
step() {
    n=$((n + 1))
    out=$(timeout 900 bash -c "$1" 2>&1)
    status=$?
    printf '%d {%s} %d\n%s\n' "$n" "$1" "$status" "$out"
}
# sum COMMAND LINE: the same, of its output a checksum only.
sum() {
    n=$((n + 1))
    printf '%d {%s} %s\n' "$n" "$1" "$(bash -c "$1" 2>&1 | /bin/busybox sha256sum | cut -c1-16)"
}

# Devices of qemu's board that Linux lists by name, and that gnomon's board need not have: left out of the comparison.
optional='pmu|flash|fw-cfg|pl061|gpio-keys|platform-bus|virtio'
echo "== machine"
step 'grep -v BogoMIPS /proc/cpuinfo'
step 'sed "s/,size=[^,]*//; s/,nr_inodes=[^,]*//" /proc/mounts'
step 'tail -n +2 /proc/interrupts | sed "s/^ *\([A-Z][A-Za-z0-9]*:\|[0-9]*:\) *[0-9]* */\1 /; s/^[0-9]*://; s/  */ /g" | sort | grep -vE "'$optional'"'
step 'cat /proc/swaps /proc/consoles /proc/misc /proc/tty/drivers'
step 'cat /proc/iomem | sed "s/^\( *\)[0-9a-f-]* :/\1:/" | grep -vE "PCI|0000:|reserved|'$optional'"'
step 'ls /sys/devices/system /sys/bus/platform/devices /sys/firmware/devicetree/base 2>/dev/null | grep -vE "'$optional'"'
step 'find /sys/devices/system/cpu/vulnerabilities -type f | sort'
step 'type -P python3 perl openssl bash gawk xz bzip2 gzip sort tar'

echo "== python"
step 'python3 --version'
for f in arithmetic data system; do step "python3 -u /opt/tests/programs/$f.py"; done

echo "== perl"
step 'perl -e "print \$^V, qq(\n)"'
step 'perl /opt/tests/programs/text.pl'

echo "== openssl"
perl -e 'my $s = 1; for (1 .. 60000) { $s = ($s * 1103515245 + 12345) & 0x7fffffff; print pack "N", $s ^ $s << 7 }' >data.bin
seq 1 60000 >numbers
step 'openssl version'
for d in md5 sha1 sha224 sha256 sha384 sha512 sha512-256 sha3-224 sha3-256 sha3-512 shake256 blake2b512 blake2s256 sm3 rmd160; do
    step "openssl dgst -$d data.bin"
    step "openssl dgst -$d -hmac key numbers"
done
key=000102030405060708090a0b0c0d0e0f1011121314151617 iv=f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff
for c in aes-128-cbc aes-128-ctr aes-128-ecb aes-128-cfb aes-128-ofb aria-128-cbc camellia-128-cbc sm4-cbc aes-192-cbc aes-256-cbc aes-256-ctr \
        chacha20 des-ede3-cbc; do
    case $c in *192*|des-*) k=$key;; *256*|chacha20) k=${key}18191a1b1c1d1e1f;; *) k=$(echo $key | cut -c1-32);; esac
    case $c in *ecb) v=;; des*) v="-iv f0f1f2f3f4f5f6f7";; *) v="-iv $iv";; esac
    step "openssl enc -$c -K $k $v -in data.bin -out $c.enc; openssl dgst -sha256 $c.enc; openssl enc -d -$c -K $k $v -in $c.enc | cmp - data.bin && echo same"
done
step 'openssl enc -aes-256-cbc -pbkdf2 -iter 3000 -pass pass:gnomon -S 0102030405060708 -in numbers | openssl dgst -md5'
for m in CMAC:"-cipher AES-128-CBC -macopt hexkey:000102030405060708090a0b0c0d0e0f" HMAC:"-digest SHA256 -macopt hexkey:00010203" \
        KMAC-128:"-macopt hexkey:000102030405060708090a0b0c0d0e0f" SIPHASH:"-macopt hexkey:000102030405060708090a0b0c0d0e0f" \
        GMAC:"-cipher AES-128-GCM -macopt hexkey:000102030405060708090a0b0c0d0e0f -macopt hexiv:000102030405060708090a0b" \
        POLY1305:"-macopt hexkey:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"; do
    step "openssl mac ${m#*:} -in data.bin ${m%%:*}"
done
for a in "-algorithm RSA -pkeyopt rsa_keygen_bits:1024" "-algorithm EC -pkeyopt ec_paramgen_curve:P-256" "-algorithm EC -pkeyopt ec_paramgen_curve:P-384" \
        "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1"; do
    step "openssl genpkey $a -out k.pem 2>/dev/null; openssl pkey -in k.pem -pubout -out p.pem; openssl dgst -sha256 -sign k.pem -out sig numbers; \
openssl dgst -sha256 -verify p.pem -signature sig numbers; openssl dgst -sha256 -verify p.pem -signature sig data.bin 2>/dev/null"
done
for a in ED25519 ED448; do
    step "openssl genpkey -algorithm $a -out k.pem; openssl pkey -in k.pem -pubout -out p.pem; openssl pkeyutl -sign -rawin -inkey k.pem -in data.bin -out sig; \
openssl pkeyutl -verify -rawin -pubin -inkey p.pem -in data.bin -sigfile sig"
done
for a in X25519 X448; do
    step "openssl genpkey -algorithm $a -out a.pem; openssl genpkey -algorithm $a -out b.pem; openssl pkey -in a.pem -pubout -out ap.pem; \
openssl pkey -in b.pem -pubout -out bp.pem; openssl pkeyutl -derive -inkey a.pem -peerkey bp.pem -out s1; \
openssl pkeyutl -derive -inkey b.pem -peerkey ap.pem -out s2; cmp s1 s2 && echo agreed"
done
cat >fixed.pem <<X
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
X
step 'openssl pkeyutl -sign -rawin -inkey fixed.pem -in data.bin | openssl dgst -sha256; openssl pkey -in fixed.pem -pubout'
step 'openssl prime 1000000007 170141183460469231731687303715884105727 170141183460469231731687303715884105729'
step 'openssl rand -hex 16 | wc -c; openssl base64 -in data.bin | openssl dgst -md5; openssl passwd -6 -salt salt word; openssl passwd -5 -salt salt word; openssl passwd -1 -salt salt word'

echo "== shells and text"
step 'for p in bash gawk xz bzip2 gzip sort tar sed grep find diff; do $p --version 2>&1 </dev/null | head -n 1; type $p; done'
step "bash -c 'declare -A a; for i in {1..400}; do a[k\$((i % 37))]=\$((\${a[k\$((i % 37))]:-0} + i * i)); done; for k in \"\${!a[@]}\"; do echo \$k \${a[\$k]}; done | sort'"
step "bash -c 'f() { local n=\$1; if ((n < 2)); then echo \$n; else echo \$((\$(f \$((n - 1))) + \$(f \$((n - 2))))); fi; }; f 9'"
step "bash -c 'for ((i = 0, s = 7; i < 4000; i++)); do ((s = (s * 1103515245 + 12345) & 0x7fffffff)); done; echo \$s; printf \"%q %x %e %08.3f\n\" \"a b\" 255 3.25 -2.5'"
step "bash -c 'x=aXbXc; echo \${x//X/-} \${x^^} \${x:1:3}; [[ foo123 =~ ^([a-z]+)([0-9]+)$ ]] && echo \${BASH_REMATCH[2]}; mapfile -t m < <(seq 5); echo \${m[@]: -2}'"
step "bash -c 'coproc cat; echo through >&\${COPROC[1]}; read -r l <&\${COPROC[0]}; echo \$l; eval \"exec \${COPROC[1]}>&-\"; diff <(seq 5) <(seq 4) | tail -n 2; trap \"echo int\" INT; kill -INT \$\$; wait; echo \$?'"
sum 'gawk "BEGIN { for (i = 0; i < 3000; i++) printf \"%.17g %.17g %.17g %.17g %.17g\n\", sin(i), cos(i), exp(i / 90), log(i + 1), atan2(i, 7) }"'
sum 'gawk "{ n = split(\$0, d, \"\"); s = 0; for (i = 1; i <= n; i++) s += d[i]; c[s]++ } END { PROCINFO[\"sorted_in\"] = \"@ind_num_asc\"; for (k in c) print k, c[k] }" numbers'
sum 'gawk "{ print gensub(/([0-9])([0-9])/, \"\\\\2\\\\1\", \"g\"), strftime(\"%F\", \$1 * 86400, 1), toupper(\"x\" \$1), and(\$1, 255), lshift(\$1, 3) }" numbers'
sum 'gawk -v RS=7 "{ print NR, length, NF }" numbers'
sum 'find /usr /bin /lib /opt -xdev | sort'; sum 'find /usr -xdev -type f -size +20k | sort | xargs cat | md5sum'
sum 'tar cf - -C / usr/lib | tar tvf - | gawk "{ print \$1, \$3, \$6 }" | sort'
sum 'LD_TRACE_LOADED_OBJECTS=1 /usr/bin/python3 | sed "s/ (0x.*//"'

# round_trips MEGABYTES: text of so many megabytes through bzip2 -9 and xz -6, a fifth of it and of binary data through the rest.
round_trips() {
    echo "== round trips of $1 MB"
    gawk -v want=$(($1 * 1000000)) 'BEGIN { s = 42; while (size < want) { l = ""; for (k = 0; k < 12; k++) {
        s = (s * 16807) % 2147483647; r = s % 1000; w = r < 500 ? "word" r % 40 : r < 900 ? "the" r % 9 : s; l = l w " " }
        print l; size += length(l) + 1 } }' >text.in
    perl -e 'my ($s, $n) = (9, shift); my $b = pack "N*", map { $s = ($s * 69069 + 1) & 0xffffffff } 1 .. 4096; my $o = "";
        for my $i (1 .. $n * 12) { substr($b, $i * 7 % 16384, 1) ^= chr($i & 255); $o = $b; $o =~ tr/\0-\x7f/A-Za-z0-9 /; print $o }' $1 >code.in
    head -c $(($1 * 200000)) text.in >small.in
    step 'for f in text.in code.in small.in; do md5sum $f; wc -c <$f; done'
    for z in "bzip2 -9" "xz -6 -T1"; do
        step "$z -c text.in >z; md5sum <z; ${z%% *} -dc z | md5sum; ${z%% *} -t z && echo tested; rm z"
    done
    for z in "bzip2 -1" "xz -T1 --delta=dist=4 --lzma2=preset=2" "xz -0 --check=crc32 -T1" "gzip -n -1" "gzip -n -9"; do
        for f in small.in code.in; do step "$z -c $f >z; md5sum <z; ${z%% *} -dc z | md5sum; rm z"; done
    done
    step 'sort small.in | md5sum; sort -k3,3 -k5r small.in | sha1sum; cut -c5-40 text.in | uniq | wc; grep -c "word7 the3" text.in; sed "s/the\([0-9]\)/\1eht/g" text.in | md5sum'
    step 'openssl dgst -sha256 text.in; openssl enc -aes-128-ctr -K 000102030405060708090a0b0c0d0e0f -iv 00000000000000000000000000000001 -in text.in | openssl dgst -sha1'
    step 'tar cf - text.in code.in | (mkdir -p out; tar xf - -C out); cmp text.in out/text.in && cmp code.in out/code.in && echo same; rm -r out'
    step 'dd if=text.in of=copy bs=3000 2>/dev/null; cmp copy text.in && echo same; truncate -s 1000 copy; wc -c <copy'
}
round_trips 2
[ "$1" = quick ] || round_trips 20
echo "== end: $n steps"
