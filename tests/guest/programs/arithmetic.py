# Arithmetic of a Debian Python, one line a group: a checksum of everything and a few values in plain text. The same on any
# emulator: no times, no addresses, no random seeds from outside.
import cmath
import decimal
import fractions
import hashlib
import math
import random
import struct
import sys


def show(name, values, sample=3):
    values = [v if isinstance(v, str) else repr(v) for v in values]
    digest = hashlib.sha256("\n".join(values).encode()).hexdigest()[:16]
    print("%-22s %6d %s  %s" % (name, len(values), digest, " ".join(v[:40] for v in values[-sample:])))


def guarded(f, *args):
    try:
        return f(*args)
    except (ValueError, OverflowError, ZeroDivisionError) as e:
        return type(e).__name__


rng = random.Random(20240607)
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 1e-310, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308,
           math.inf, -math.inf, math.nan, math.pi, 1e16, 2.0**52 + 0.5, 2.0**53, 2.0**63, -2.0**63, 2.0**64, 1e300, 1e-300]
floats = SPECIAL + [rng.uniform(-10, 10) for _ in range(400)] + [rng.uniform(-1, 1) * 10.0**rng.randrange(-300, 300)
                                                                 for _ in range(400)]
show("random", [rng.random() for _ in range(2000)])
show("random ints", [rng.getrandbits(61) for _ in range(2000)] + [rng.gauss(0, 1) for _ in range(500)])

for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "exp", "expm1",
             "exp2", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "erf", "erfc", "gamma", "lgamma", "floor", "ceil", "trunc",
             "frexp", "modf", "degrees", "radians"):
    show("math." + name, [guarded(getattr(math, name), x) for x in floats])
pairs = [(x, y) for x in SPECIAL for y in SPECIAL] + list(zip(floats, reversed(floats)))
for name in ("atan2", "fmod", "hypot", "pow", "copysign", "remainder", "nextafter", "isclose"):
    show("math." + name, [guarded(getattr(math, name), x, y) for x, y in pairs])
for name, f in (("add", lambda x, y: x + y), ("sub", lambda x, y: x - y), ("mul", lambda x, y: x * y), ("div", lambda x, y: x / y),
                ("floordiv", lambda x, y: x // y), ("mod", lambda x, y: x % y), ("lt", lambda x, y: x < y),
                ("eq", lambda x, y: x == y), ("max", max), ("divmod", divmod)):
    show("float " + name, [guarded(f, x, y) for x, y in pairs])
show("float to int", [guarded(int, x) for x in floats])
show("float round", [guarded(round, x) for x in floats] + [guarded(round, x, 3) for x in floats])
show("float hex", [x.hex() for x in floats] + [guarded(x.as_integer_ratio) for x in floats])
show("float format", ["%.3f %e %g %.17g" % (x, x, x, x) for x in floats])
show("float parse", [float(repr(x)) for x in floats] + [float("%.9e" % x) for x in floats])
show("float32", [struct.pack("<f", x).hex() if math.isinf(x) or math.isnan(x) or abs(x) < 3e38 else "big" for x in floats])
show("float16", [struct.pack("<e", x).hex() if abs(x) < 60000 else "big" for x in floats])
show("fsum", [math.fsum(floats[30:i]) for i in range(31, 400, 7)] + [math.prod(floats[30:40]), math.dist(floats[30:40], floats[40:50])])
for name in ("sqrt", "exp", "log", "sin", "tanh", "acos"):
    show("cmath." + name, [guarded(getattr(cmath, name), complex(x, y)) for x, y in zip(floats[30:330], floats[40:340])])

# Integers of all sizes; the quadratic and Karatsuba paths both run.
ints = [rng.getrandbits(rng.randrange(1, 900)) * rng.choice((1, -1)) for _ in range(600)]
for name, f in (("mul", lambda a, b: a * b), ("divmod", lambda a, b: guarded(divmod, a, b)), ("gcd", math.gcd), ("lcm", math.lcm),
                ("and", lambda a, b: a & b), ("or", lambda a, b: a | b), ("xor", lambda a, b: a ^ b), ("add", lambda a, b: a + b),
                ("shift", lambda a, b: (a << (b & 63), a >> (b & 63))), ("truediv", lambda a, b: guarded(lambda: a / b)),
                ("powmod", lambda a, b: pow(a, abs(b) >> 800 | 65537, abs(b) | 1))):
    show("int " + name, [f(a, b) for a, b in zip(ints, ints[1:])])
show("isqrt", [math.isqrt(abs(a)) for a in ints])
show("int text", [str(a) for a in ints] + [hex(a) for a in ints] + [format(a, ",d") for a in ints])
big = 3**20000
show("big power", [big % 10**50, big.bit_length(), big.bit_count(), hashlib.md5(hex(big).encode()).hexdigest()])
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)
show("factorial", [hashlib.md5(str(math.factorial(n)).encode()).hexdigest() for n in (10, 100, 1000, 3000)])
show("fibonacci", [(lambda n: [f := (0, 1)] and [f := (f[1], f[0] + f[1]) for _ in range(n)][-1][0])(5000) % 10**40])
sieve = bytearray([1]) * 300000
for i in range(2, 548):
    if sieve[i]:
        sieve[i * i::i] = bytes(len(range(i * i, 300000, i)))
show("primes", [i for i in range(2, 300000) if sieve[i]])
p = 2**521 - 1
show("mersenne test", [pow(3, p - 1, p), pow(5, p - 1, p), pow(7, -1, p)])

decimal.getcontext().prec = 60
D = decimal.Decimal
show("decimal", [D(2).sqrt(), D(1).exp(), D(10).ln(), D(7) / D(3), D("1e-5") ** D("0.3"), (D(355) / 113).quantize(D("1e-40"))]
     + [D(repr(x)) * D(3) for x in floats[30:300]])
show("fractions", [fractions.Fraction(x).limit_denominator(10**6) for x in floats[30:150]] +
     [sum((fractions.Fraction(1, n) for n in range(1, 200)), fractions.Fraction(0))])


def machin(digits):
    one = 10**(digits + 10)

    def arccot(x):
        total = term = one // x
        n, sign = 3, -1
        while term:
            term //= x * x
            total += sign * (term // n)
            sign, n = -sign, n + 2
        return total
    return 4 * (4 * arccot(5) - arccot(239)) // 10**10


show("pi", [str(machin(1500))], 1)


def nbody(steps):
    bodies = [([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], 39.47), ([4.84, -1.16, -0.10], [0.606, 2.81, -0.02], 0.037),
              ([8.34, 4.12, -0.4], [-1.01, 1.82, 0.008], 0.011), ([12.8, -15.1, -0.2], [1.08, 0.86, -0.01], 0.0017)]
    for _ in range(steps):
        for i, (r, v, m) in enumerate(bodies):
            for (s, w, k) in bodies[i + 1:]:
                d = [a - b for a, b in zip(r, s)]
                mag = 0.01 / (d[0]**2 + d[1]**2 + d[2]**2) ** 1.5
                for x in range(3):
                    v[x] -= d[x] * k * mag
                    w[x] += d[x] * m * mag
        for r, v, m in bodies:
            for x in range(3):
                r[x] += 0.01 * v[x]
    return [x for b in bodies for x in b[0]]


show("n-body", nbody(1500))
n = 40
a = [[math.sin(i * n + j) for j in range(n)] for i in range(n)]
show("matrix", [sum(x * y for x, y in zip(row, col)) for row in a for col in zip(*a)])
