# Hashes, regular expressions, string building and sorting in Perl.
use strict;
my ($x, %count, $text) = (1);
for (1 .. 150000) {
    $x = ($x * 1103515245 + 12345) & 0x7fffffff;
    my $w = "w" . ($x >> 16 & 1023);
    $count{$w}++;
    $text .= "$w " if $_ % 5 == 0;
}
my @best = (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 2];
my $found = () = $text =~ /w(\d)\1/g;
(my $less = $text) =~ s/[13579]+/-/g;
my %line;
for my $w (split / /, $less) { $line{length $w} .= reverse $w; }
my $sum = 0;
$sum = ($sum * 31 + ord) % 1000003 for split //, join "", map { $line{$_} } sort keys %line;
print "@best $found $sum\n";
