// Objects, closures, typed arrays, regular expressions, JSON and sorting for a method just-in-time compiler.
'use strict';
class Node2 {
    constructor(key, left, right) { this.key = key; this.left = left; this.right = right; }
    sum() { return this.key + (this.left ? this.left.sum() : 0) + (this.right ? this.right.sum() : 0); }
}
function tree(depth, key) { return depth ? new Node2(key, tree(depth - 1, key * 2), tree(depth - 1, key * 2 + 1)) : null; }
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
let total = 0;
for (let i = 0; i < 20; i++)
    total = (total + tree(13, 1).sum()) % 1000003;
const a = new Float64Array(1 << 16), bytes = new Uint8Array(1 << 20);
for (let round = 0; round < 20; round++)
    for (let i = 0; i < a.length; i++)
        a[i] = a[i] * 0.5 + (i * 7 + round) % 13;
for (let i = 2; i * i < bytes.length; i++)
    if (!bytes[i])
        for (let j = i * i; j < bytes.length; j += i)
            bytes[j] = 1;
let primes = 0;
for (let i = 2; i < bytes.length; i++)
    primes += 1 - bytes[i];
const words = [], count = new Map();
let x = 1;
for (let i = 0; i < 60000; i++) {
    x = (x * 16807) % 2147483647;
    words.push('w' + x % 997);
    count.set(words[i], (count.get(words[i]) || 0) + 1);
}
const text = words.join(' ');
const found = (text.match(/w(\d)\1/g) || []).length;
const copy = JSON.parse(JSON.stringify(words.map((w, i) => ({ w, i, n: [i % 7, i % 11] }))));
copy.sort((p, q) => p.w < q.w ? -1 : p.w > q.w ? 1 : p.i - q.i);
console.log(total, fib(27), Math.round(a[777] * 1e6), primes, found, copy[100].w, copy[59999].i, count.size);
