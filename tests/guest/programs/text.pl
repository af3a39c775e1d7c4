# Perl of Debian (perl-base): text, hashes, sorting, numbers, packing, processes. One line a group.
use strict;
use warnings;
no warnings 'portable';
use POSIX ();
use List::Util qw(sum max min reduce first shuffle);

$| = 1;
my $seed = 12345;
sub rnd { $seed = ($seed * 1103515245 + 12345) & 0x7fffffff; return $seed % $_[0]; }

# FNV-1a, folded to 32 bits, as a checksum in Perl's own integer arithmetic.
sub sum32 {
    my $h = 2166136261;
    for my $c (unpack "C*", $_[0]) { $h = (($h ^ $c) * 16777619) & 0xffffffff; }
    return sprintf "%08x", $h;
}
sub show { my ($name, @v) = @_; my $s = join ",", @v; printf "%-18s %6d %s %s\n", $name, scalar(@v), sum32($s), substr($s, -50); }

my @words = map { join "", map { chr(97 + rnd(26)) } 1 .. 3 + rnd(7) } 1 .. 3000;
show("words", @words);
show("sort", sort @words);
show("sort numbers", sort { $a <=> $b } map { rnd(1000000) } 1 .. 5000);
show("sort by length", sort { length $a <=> length $b or $b cmp $a } @words);
my %count;
$count{substr $_, 0, 2}++ for @words;
show("hash", map { "$_=$count{$_}" } sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count);
my $text = join " ", @words;
show("substitute", do { (my $t = $text) =~ s/([aeiou])([^aeiou ])/$2$1/g; $t });
show("match", $text =~ /\b(\w*?[xyz]\w{2,4})\b/g);
show("backreference", $text =~ /((\w)\w?\2\w*)/g);
show("translate", do { (my $t = $text) =~ tr/a-mn-z/n-za-m/; $t });
show("recursive", do { my $re; $re = qr/\((?:[^()]++|(??{$re}))*\)/; my @m = ("(" x 30 . "x" . ")" x 30 . "(a(b)c)(") =~ /$re/g; @m });
show("split", split /[aeiou]+/, $text);
show("sprintf", map { sprintf "%.15g %e %x %o %05d %s", sqrt($_), exp($_ / 10), $_ * 977, $_, $_, $_ % 7 } 1 .. 300);
show("functions", map { sprintf "%.17g", sin($_) * cos($_) + atan2($_, 7) + log($_) } 1 .. 400);
show("posix", map { join "/", POSIX::floor($_ / 3), POSIX::ceil(-$_ / 3), POSIX::fmod($_, 3.7), scalar(POSIX::strtol("$_", 16)) } 1 .. 200);
show("integers", map { my $v = $_ * 0x123456789ab; ($v ^ 0xffff, $v >> 3, $v % 1009, -$v, $v & 0xf0f0f0) } 1 .. 300);
show("overflow", 18446744073709551615, 18446744073709551615 + 1, 9223372036854775807 * 3, -9223372036854775808 - 1, 2**63, 2**0.5, 1e308 * 10, -(9**9**9) / 9**9**9 == 0);
show("pack", map { unpack "H*", pack "nNvVwd>f<", $_, $_ * 65537, $_, $_ * 99991, $_ * 1000, $_ / 3, $_ / 7 } 1 .. 300);
show("strings", map { (scalar(reverse $_), ucfirst($_), lc(uc($_)), index($_, "e"), ord($_), substr($_, 1, 2), $_ x 2, join("", sort split(//, $_))) } @words[0 .. 400]);
show("list", sum(1 .. 1000), max(map { rnd(99999) } 1 .. 99), min(1 .. 9), (reduce { $a * $b } 1 .. 20), first { $_ > 77 } map { $_ * 5 } 1 .. 100);
sub fib { my $n = shift; return $n < 2 ? $n : fib($n - 1) + fib($n - 2); }
show("fibonacci", map { fib($_) } 1 .. 19);
sub ack { my ($m, $n) = @_; return $m ? ack($m - 1, $n ? ack($m, $n - 1) : 1) : $n + 1; }
{ no warnings 'recursion'; show("ackermann", map { ack(2, $_) } 1 .. 20); }
my @grid = map { [map { rnd(10) } 1 .. 30] } 1 .. 30;
show("matrix", map { my $r = $_; map { my $c = $_; sum(map { $grid[$r][$_] * $grid[$_][$c] } 0 .. 29) } 0 .. 29 } 0 .. 29);
my $closure = do { my $n = 0; sub { $n += shift } };
$closure->($_) for 1 .. 10000;
show("closure", $closure->(0));
show("eval", map { eval "$_ * 3 + sub { \$_[0] ** 2 }->($_)" } 1 .. 300);
show("die", map { eval { die { code => $_ } if $_ % 3; "fine" } // $@->{code} } 1 .. 60);
package Shape { sub new { my ($c, %a) = @_; bless {%a}, $c } sub area { 0 } sub name { ref shift } }
package Square { our @ISA = 'Shape'; sub area { $_[0]{side} ** 2 } }
package Circle { our @ISA = 'Shape'; sub area { sprintf "%.9f", 3.14159265358979 * $_[0]{r} ** 2 } }
package main;
show("objects", map { my $s = $_ % 2 ? Square->new(side => $_) : Circle->new(r => $_); $s->name . $s->area } 1 .. 100);
show("utf-8", do { my $s = join "", map { chr(0x3b1 + $_ % 24) } 1 .. 500; utf8::encode($s); unpack("H*", $s) });
show("time", map { POSIX::strftime("%Y-%m-%d %H:%M:%S", gmtime($_ * 86400 * 97)) } 1 .. 60);

my @done;
for my $i (1 .. 10) {
    pipe(my $r, my $w) or die;
    my $pid = fork // die;
    if (!$pid) { close $r; print $w join(",", map { $_ * $i } 1 .. 500); close $w; POSIX::_exit($i); }
    close $w;
    my $got = do { local $/; <$r> };
    waitpid $pid, 0;
    push @done, sum32($got) . ":" . ($? >> 8);
}
show("fork", @done);
show("backtick", map { `/bin/busybox expr $_ '*' 7` } 1 .. 8);
open(my $p, "|-", "/bin/busybox md5sum") or die;
print $p $text;
close $p;
my @signals;
$SIG{$_} = sub { push @signals, shift } for qw(USR1 USR2 ALRM);
kill $_, $$ for qw(USR1 USR2);
alarm 1;
select undef, undef, undef, 0.2 for 1 .. 10;
show("signals", sort @signals);
open(my $f, "+>", "/tmp/perl.tmp") or die;
printf $f "%08d\n", $_ for 0 .. 20000;
seek $f, 9 * 1234, 0;
show("seek", scalar(<$f>) + 0, tell $f, -s "/tmp/perl.tmp");
unlink "/tmp/perl.tmp";
