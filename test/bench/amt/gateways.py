"""Many AMT gateways in one process: each a socket with its own address or port, and a real handshake. What they are sent
is counted by the kernel and never read, so that the load of a thousand receivers is not measured with the relay's.

    gateways.py RELAY COUNT SOURCE GROUPS EACH ADDRESS...

Each of COUNT gateways joins EACH of the groups 232.9.0.0 ... up to GROUPS (SSM, from SOURCE). Commands on standard input:
"latency N NUMBER": N gateways more, one after the other, join 232.9.0.0 plus NUMBER, which one of them keeps, and leave when its
next packet has come."""

import os
import selectors
import socket
import struct
import sys
import time

relay, count, source, groups, each = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
addresses = sys.argv[6:]
RETRY_S = 1.5
APART_S = 0.003


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def report(numbers, kind):
    body = b"".join(
        struct.pack("!BBH4s4s", kind, 0, 1, bytes((232, 9, number >> 8, number & 255)), socket.inet_aton(source))
        for number in numbers
    )
    igmp = struct.pack("!BBHHH", 0x22, 0, 0, 0, len(numbers)) + body
    igmp = igmp[:2] + struct.pack("!H", checksum(igmp)) + igmp[4:]
    header = struct.pack("!BBHHHBBH4s4s", 0x46, 0xC0, 24 + len(igmp), 1, 0, 1, 2, 0, bytes(4), bytes((224, 0, 0, 22)))
    header += b"\x94\x04\0\0"
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + igmp


def gateway(i, buffer):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.bind((addresses[i % len(addresses)], 0))
    sock.connect((relay, 2268))
    sock.setblocking(False)
    return sock


def ask(sock):
    sock.send(struct.pack("!BBHI", 3, 0, 0, int.from_bytes(os.urandom(4), "big")))


def answer(sock, query, numbers, kind):
    sock.send(b"\x05\0" + query[2:12] + report(numbers, kind))


def handshakes():
    selector = selectors.DefaultSelector()
    asked = {}
    began = {}
    waiting = [(gateway(i, 2048), [(i + j) % groups for j in range(each)]) for i in range(count)]
    waiting.reverse()
    took = []
    open_sockets = []
    next_at = 0.0
    while waiting or asked:
        now = time.monotonic()
        if waiting and now >= next_at:
            sock, numbers = waiting.pop()
            selector.register(sock, selectors.EVENT_READ, numbers)
            ask(sock)
            asked[sock] = began[sock] = now
            next_at = now + APART_S
        for sock, at in list(asked.items()) if not waiting else []:
            if now - at > RETRY_S:
                ask(sock)
                asked[sock] = now
        for key, _ in selector.select(max(0, min(0.05, next_at - now)) if waiting else 0.05):
            query = key.fileobj.recv(2048)
            if query[0] != 4:
                continue
            answer(key.fileobj, query, key.data, 5)
            took.append(time.monotonic() - began[key.fileobj])
            selector.unregister(key.fileobj)
            del asked[key.fileobj]
            open_sockets.append(key.fileobj)
    took.sort()
    print("joined", took[len(took) // 2] * 1e3, took[min(len(took) - 1, len(took) * 99 // 100)] * 1e3, "end", flush=True)
    return open_sockets


def latency(times, number):
    asked, served = [], []
    for i in range(times + 1):
        sock = gateway(i, 1 << 20)
        sock.setblocking(True)
        sock.settimeout(2)
        try:
            began = time.monotonic()
            ask(sock)
            query = sock.recv(2048)
            joined = time.monotonic()
            answer(sock, query, [number], 5)
            while sock.recv(2048)[0] != 6:
                pass
            now = time.monotonic()
            if i == 0:  # it waited for the kernel's join too, and keeps it
                kept.append(sock)
                continue
            asked.append(joined - began)
            served.append(now - joined)
            answer(sock, query, [number], 6)
        except TimeoutError:
            pass
        sock.close()
        time.sleep(0.005)
    asked.sort()
    served.sort()
    pick = lambda of, share: of[min(len(of) - 1, int(len(of) * share))] * 1e3 if of else -1
    print("latency", len(served), pick(asked, 0.5), pick(asked, 0.99), pick(served, 0.5), pick(served, 0.99), "end", flush=True)


kept = handshakes()
for line in sys.stdin:
    words = line.split()
    if words and words[0] == "latency":
        latency(int(words[1]), int(words[2]))
