# Dictionaries, strings, objects, generators, big numbers and sorting in Python, with a result that is always the same.
import re


class Shape:
    def __init__(self, a, b):
        self.a, self.b = a, b

    def area(self):
        return self.a * self.b


class Square(Shape):
    def __init__(self, a):
        super().__init__(a, a)


def words(n):
    x = 1
    for _ in range(n):
        x = (x * 1103515245 + 12345) & 0x7fffffff
        yield "w%d" % (x >> 16 & 1023)


count = {}
for w in words(120000):
    count[w] = count.get(w, 0) + 1
best = sorted(count.items(), key=lambda kv: (-kv[1], kv[0]))[:3]
total = sum(Square(i % 17).area() if i % 3 else Shape(i % 5, 2).area() for i in range(150000))
text = " ".join(words(20000))
found = len(re.findall(r"w(\d)\1", text)) + len(re.sub(r"[13579]", "", text).split("2"))
f = 1
for i in range(1, 1500):
    f *= i
board = [[(r * c) % 7 for c in range(60)] for r in range(60)]
for _ in range(8):
    board = [[(board[r - 1][c] + board[r][c - 1] + board[r][c]) % 11 for c in range(60)] for r in range(60)]
print(best, total, found, f % 1000000007, sum(map(sum, board)))
