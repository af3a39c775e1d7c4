# What a Debian Python asks of the kernel: processes, pipes, signals, threads, shared and private mappings, sockets, polls.
import ctypes
import errno
import fcntl
import hashlib
import mmap
import os
import queue
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

os.chdir(tempfile.mkdtemp())


def show(name, *values):
    print("%-20s %s" % (name, " ".join(str(v) for v in values)), flush=True)


def short(data):
    return hashlib.sha256(data).hexdigest()[:16]


# Threads
total, lock = 0, threading.Lock()


def add(n):
    global total
    for _ in range(n):
        with lock:
            total += 1


threads = [threading.Thread(target=add, args=(3000,)) for _ in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
show("threads", total)
work, done = queue.Queue(5), queue.Queue()


def worker():
    while (item := work.get()) is not None:
        done.put((item, hashlib.md5(b"%d" % item * 20000).hexdigest()))


threads = [threading.Thread(target=worker) for _ in range(4)]
for t in threads:
    t.start()
for i in range(60):
    work.put(i)
for t in threads:
    work.put(None)
for t in threads:
    t.join()
show("queue", short(repr(sorted(done.get() for _ in range(60))).encode()))
barrier, order = threading.Barrier(5), []


def meet(i):
    for r in range(20):
        barrier.wait()
        order.append(r)


threads = [threading.Thread(target=meet, args=(i,)) for i in range(5)]
for t in threads:
    t.start()
for t in threads:
    t.join()
show("barrier", len(order), order == sorted(order) or sum(order))
local, event = threading.local(), threading.Event()
threading.Timer(0.05, event.set).start()
show("timer thread", event.wait(30))

# Processes and pipes
r, w = os.pipe()
data = bytes(range(256)) * 2000
pid = os.fork()
if pid == 0:
    os.close(r)
    n = 0
    while n < len(data):
        n += os.write(w, data[n:n + 3333])
    os._exit(17)
os.close(w)
got = b""
while piece := os.read(r, 5000):
    got += piece
show("fork and pipe", len(got), got == data, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
page = bytearray(b"parent" * 20000)
codes = []
for i in range(20):
    pid = os.fork()
    if pid == 0:
        page[i * 4096:i * 4096 + 5] = b"child"
        os._exit(page.count(b"child"))
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
show("copy on write", codes.count(1), page.count(b"child"))


def nest(depth):
    pid = os.fork()
    if pid == 0:
        os._exit(nest(depth - 1) + 1 if depth else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


show("nested forks", nest(10))
for command in (["/bin/busybox", "seq", "5"], ["/bin/sh", "-c", "exit 9"], ["/bin/sh", "-c", "kill -15 $$"],
                [sys.executable, "-c", "import sys; print(sys.stdin.read()[::-1])"], ["/nonexistent"]):
    try:
        p = subprocess.run(command, input=b"gnomon", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        show("subprocess", os.path.basename(command[0]), p.returncode, p.stdout)
    except OSError as e:
        show("subprocess", type(e).__name__)
p1 = subprocess.Popen(["/bin/busybox", "seq", "1", "20000"], stdout=subprocess.PIPE)
p2 = subprocess.Popen(["/bin/busybox", "sort", "-r"], stdin=p1.stdout, stdout=subprocess.PIPE)
p1.stdout.close()
show("pipeline", short(p2.communicate()[0]), p2.returncode, p1.wait())
running = [subprocess.Popen(["/bin/sh", "-c", "sleep 0.0%d; exit %d" % (i, i)]) for i in range(9)]
show("many children", sorted(p.wait() for p in running))

# Signals
caught = []
for s in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGCHLD, signal.SIGRTMIN):
    signal.signal(s, lambda number, frame: caught.append(signal.Signals(number).name))
for s in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGRTMIN, signal.SIGUSR1):
    os.kill(os.getpid(), s)
signal.setitimer(signal.ITIMER_REAL, 0.02)
while "SIGALRM" not in caught:
    time.sleep(0.01)
show("signals", caught)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.kill(os.getpid(), signal.SIGUSR1)
show("blocked", len(caught), [s.name for s in signal.sigpending()], signal.sigwait([signal.SIGUSR1]).name)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
for what in ("ctypes.string_at(8)", "ctypes.memset(16, 0, 1)", "os.abort()", "os.kill(os.getpid(), signal.SIGFPE)",
             "ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.create_string_buffer(64)))()"):
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        eval(what)
        os._exit(0)
    show("crash", what.split("(")[0], signal.Signals(-os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).name)
pid = os.fork()
if pid == 0:
    signal.pause()
    os._exit(1)
os.kill(pid, signal.SIGSTOP)
_, status = os.waitpid(pid, os.WUNTRACED)
os.kill(pid, signal.SIGCONT)
os.kill(pid, signal.SIGTERM)
show("stop, terminate", os.WIFSTOPPED(status), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

# Mappings
with open("mapped", "wb+") as f:
    f.truncate(5 << 20)
    with mmap.mmap(f.fileno(), 0) as m:
        for i in range(0, len(m), 4096):
            m[i:i + 8] = b"%08d" % i
        m.flush()
        f.seek(0)
        show("shared file map", short(f.read()), m.find(b"00409600"), m[4096 * 77:4096 * 77 + 8])
        m.move(0, 4096 * 5, 4096 * 3)
        show("move", short(m[:]))
        with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_COPY) as private:
            private[0:7] = b"private"
            show("private map", private[0:9], m[0:9])
        with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as ro:
            try:
                ro[0] = 1
            except TypeError as e:
                show("read-only map", type(e).__name__, short(ro[4096 * 100:4096 * 900]))
        m.resize(9 << 20)
        m[(9 << 20) - 4:] = b"tail"
        f.seek(-8, 2)
        show("resize", len(m), f.read())
with mmap.mmap(-1, 1 << 20) as m:
    pids = []
    for i in range(8):
        pid = os.fork()
        if pid == 0:
            for j in range(i, len(m), 8):
                m[j] = (i * 31 + j) & 255
            os._exit(0)
        pids.append(pid)
    show("shared memory", [os.waitpid(p, 0)[1] for p in pids].count(0), short(m[:]))
maps = [mmap.mmap(-1, 65536) for _ in range(300)]
for i, m in enumerate(maps):
    m[i * 100] = i & 255
for m in maps[::2]:
    m.close()
show("many maps", sum(m[i * 100] for i, m in list(enumerate(maps))[1::2]))
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.mprotect.argtypes, libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int], [ctypes.c_void_p, ctypes.c_size_t]
base = libc.mmap(None, 1 << 16, 3, 0x22, -1, 0)
results = []
for i in range(60):
    ctypes.memset(base + 4096 * (i % 16), i, 4096)
    results.append(libc.mprotect(base, 1 << 16, 1))
    results.append(ctypes.string_at(base + 4096 * (i % 16), 3)[1])
    results.append(libc.mprotect(base, 1 << 16, 3))
show("protections", sum(results), libc.munmap(base, 1 << 16), libc.mprotect(4096, 4096, 1), errno.errorcode[ctypes.get_errno()])
callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda a, b: a[0] - b[0])
numbers = (ctypes.c_int * 300)(*[(i * 7919) % 1000 for i in range(300)])
libc.qsort(numbers, 300, 4, callback)
show("qsort callback", short(bytes(numbers)))
buffer = ctypes.create_string_buffer(100)
libc.snprintf(buffer, ctypes.c_size_t(100), b"%d %s", ctypes.c_int(-5), b"text")
show("snprintf", buffer.value)

# Files, sockets, polls
a, b = socket.socketpair()
a.sendall(b"x" * 70000)
a.shutdown(socket.SHUT_WR)
n = 0
while piece := b.recv(4096):
    n += len(piece)
show("socketpair", n)
server = socket.create_server(("127.0.0.1", 0))


def serve():
    with server.accept()[0] as c:
        while piece := c.recv(10000):
            c.sendall(piece.upper())


t = threading.Thread(target=serve)
t.start()
with socket.create_connection(server.getsockname()) as c:
    got = b""
    for i in range(100):
        c.sendall(b"message %d\n" % i * 50)
        want = len(b"message %d\n" % i * 50)
        while want:
            piece = c.recv(want)
            got += piece
            want -= len(piece)
t.join()
show("tcp over loopback", len(got), short(got))
u1, u2 = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
u2.bind("datagram")
u1.sendto(b"hello", "datagram")
show("unix datagram", u2.recv(100))
r, w = os.pipe()
show("select", select.select([r], [w], [], 0) == ([], [w], []))
poll = select.epoll()
poll.register(r, select.EPOLLIN)
os.write(w, b"1")
show("epoll", [e for _, e in poll.poll(1)], poll.poll(0) != [])
fcntl.fcntl(r, fcntl.F_SETFL, os.O_NONBLOCK)
os.read(r, 10)
try:
    os.read(r, 10)
except BlockingIOError as e:
    show("non-blocking", errno.errorcode[e.errno])
fd = os.memfd_create("memory")
os.pwrite(fd, b"at an offset", 1 << 20)
show("memfd", os.fstat(fd).st_size, os.pread(fd, 12, 1 << 20))
with open("locked", "w") as f:
    fcntl.flock(f, fcntl.LOCK_EX)
    pid = os.fork()
    if pid == 0:
        with open("locked") as g:
            try:
                fcntl.flock(g, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os._exit(33)
        os._exit(0)
    show("flock", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
for i in range(300):
    with open("f%d" % i, "w") as f:
        f.write("%d\n" % i * (i + 1))
show("files", len(os.listdir(".")), sum(os.stat("f%d" % i).st_size for i in range(300)))
os.symlink("f7", "link")
os.link("f8", "hard")
os.rename("f9", "moved")
show("names", os.readlink("link"), os.stat("hard").st_nlink, os.path.exists("f9"), len(open("moved").read()))
limits = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (400 << 20, limits[1]))
try:
    bytearray(600 << 20)
except MemoryError as e:
    show("limit", type(e).__name__)
resource.setrlimit(resource.RLIMIT_AS, limits)
sys.setrecursionlimit(20000)
threading.stack_size(64 << 20)
deep = []
t = threading.Thread(target=lambda: deep.append((lambda f: f(f, 8000))(lambda f, n: 0 if not n else 1 + f(f, n - 1))))
t.start()
t.join()
show("recursion", deep)
before = time.monotonic()
time.sleep(0.05)
show("clock", time.monotonic() - before >= 0.05, time.clock_getres(time.CLOCK_MONOTONIC))
