# Data handling of a Debian Python, one checksum a group: sorting, text, regular expressions, hashes and compression, which
# are shared libraries with code for the CPU's extensions (OpenSSL, zlib, liblzma, libbz2).
import array
import base64
import binascii
import bisect
import bz2
import collections
import hashlib
import heapq
import hmac
import itertools
import json
import lzma
import pickle
import random
import re
import struct
import textwrap
import unicodedata
import zlib


def show(name, data):
    if not isinstance(data, (bytes, bytearray)):
        data = repr(data).encode()
    print("%-18s %8d %s %s" % (name, len(data), hashlib.sha256(data).hexdigest()[:20], "%08x" % zlib.crc32(data)))


rng = random.Random(7)
WORDS = ["".join(rng.choice("etaoinshrdlucmfwyp") for _ in range(rng.randrange(2, 10))) for _ in range(3000)]
text = " ".join(rng.choice(WORDS) for _ in range(40000))
noise = rng.randbytes(300000)
show("text", text.encode())
show("noise", noise)
for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "blake2s", "sha512_256", "sm3",
             "ripemd160"):
    if name in hashlib.algorithms_available:
        try:
            print("%-12s %s" % (name, hashlib.new(name, noise).hexdigest()))
        except ValueError as e:
            print("%-12s %s" % (name, type(e).__name__))
print("shake", hashlib.shake_128(noise).hexdigest(20), hashlib.shake_256(noise).hexdigest(20))
print("hmac", hmac.new(b"key", noise, "sha256").hexdigest())
print("pbkdf2", hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 2000).hex())
print("scrypt", hashlib.scrypt(b"password", salt=b"salt", n=256, r=8, p=1, dklen=24).hex())
for length in list(range(0, 70)) + [127, 128, 129, 1000, 65537]:
    if length % 16 == 0 or length > 60:
        print("lengths %d %s %s %08x %08x" % (length, hashlib.sha1(noise[:length]).hexdigest(), hashlib.md5(noise[:length]).hexdigest(),
                                              zlib.crc32(noise[3:3 + length]), zlib.adler32(noise[1:1 + length])))

for level in (1, 6, 9):
    packed = zlib.compress(text.encode(), level)
    show("zlib %d" % level, packed)
    assert zlib.decompress(packed) == text.encode()
for name, module in (("bz2", bz2), ("lzma", lzma)):
    for what, data in (("text", text.encode()), ("noise", noise)):
        packed = module.compress(data)
        show("%s %s" % (name, what), packed)
        assert module.decompress(packed) == data
show("base64", base64.b64encode(noise) + base64.b85encode(noise[:30000]) + binascii.b2a_uu(noise[:45]))

show("sort words", sorted(text.split()))
show("sort by key", sorted(set(text.split()), key=lambda w: (len(w), w[::-1])))
floats = [rng.gauss(0, 1e6) for _ in range(40000)]
show("sort floats", sorted(floats))
show("sort tuples", sorted(zip((int(x) % 97 for x in floats), floats), reverse=True))
heap = list(floats[:5000])
heapq.heapify(heap)
show("heap", [heapq.heappop(heap) for _ in range(5000)])
marks = []
for x in floats[:4000]:
    bisect.insort(marks, x)
show("bisect", marks)
show("counter", collections.Counter(text.split()).most_common(200))
table = {}
for i, w in enumerate(text.split()):
    table.setdefault(w, []).append(i)
show("dict", sorted((k, len(v), v[-1]) for k, v in table.items()))
show("permutations", ["".join(p) for p in itertools.permutations("gnomon", 6)])

show("re.sub", re.sub(r"(\w)(\w+)\b", lambda m: m[2] + m[1], text))
show("re.findall", re.findall(r"\b(?:[aeiou]\w*?[rst]|\w{8,})\b", text))
show("re.split", re.split(r"(?<=e) (?=[a-m])", text))
show("re back", re.findall(r"\b(\w)\w*\1\b", text)[:5000])
show("translate", text.translate({ord(c): ord("a") + (ord(c) - 95) % 26 for c in "abcdefghijklmnopqrstuvwxyz"}))
show("text methods", [text.count("the"), text.find("zz"), text.upper()[:100], text.title()[-100:], text.replace("e", "EE")[:200]])
show("textwrap", textwrap.fill(text[:20000], 71))
show("unicode", [unicodedata.normalize("NFKD", chr(c)) + unicodedata.category(chr(c)) for c in range(0xa0, 0x3000, 3)])
show("utf", text.encode("utf-16") + "\N{GREEK SMALL LETTER ALPHA}\U0001f600".encode() * 1000)

tree = {"list": floats[:500], "words": {w: i for i, w in enumerate(WORDS[:500])}, "nest": [[[i] * 3] for i in range(50)], "none": None}
packed = json.dumps(tree, sort_keys=True, indent=1)
show("json", packed)
assert json.loads(packed) == tree
packed = pickle.dumps(tree, 4)
show("pickle", packed)
assert pickle.loads(packed) == tree
show("struct", b"".join(struct.pack("<bhiqfd", i % 100, i * 7, i * 70001, i * 7**15, i / 3, i / 7) for i in range(2000)))
numbers = array.array("i", range(50000))
numbers.byteswap()
show("array", numbers.tobytes())
view = memoryview(bytearray(noise))
view[10:20000:3] = view[20000:39990:3]
show("memoryview", bytes(view))


def queens(n, row=0, cols=0, left=0, right=0):
    if row == n:
        return 1
    free, found = ~(cols | left | right) & (1 << n) - 1, 0
    while free:
        bit = free & -free
        free ^= bit
        found += queens(n, row + 1, cols | bit, (left | bit) << 1, (right | bit) >> 1)
    return found


print("queens", queens(8), "hanoi", (lambda f: f(f, 15))(lambda f, n: 0 if not n else 2 * f(f, n - 1) + 1))
life = {(rng.randrange(40), rng.randrange(40)) for _ in range(600)}
for _ in range(30):
    near = collections.Counter(((x + i) % 40, (y + j) % 40) for x, y in life for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j)
    life = {c for c, k in near.items() if k == 3 or k == 2 and c in life}
show("life", sorted(life))
source = "\n".join("def f%d(a, b=%d):\n    return [x * a + b for x in range(%d) if x %% 3]" % (i, i, i % 17 + 3) for i in range(600))
scope = {}
exec(compile(source, "generated", "exec"), scope)
show("compiled code", [scope["f%d" % i](i) for i in range(600)])
