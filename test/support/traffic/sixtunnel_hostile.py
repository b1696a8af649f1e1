"""What strangers and bad clients do to a server of the IPv6 tunnel: sixtunnel_hostile.py HOST PORT. Prints JSON: for each
attack what came of it."""

import json
import socket
import struct
import sys
import time

ADDRESS = (sys.argv[1], int(sys.argv[2]))
results = {}


def connection():
    sock = socket.create_connection(ADDRESS, timeout=15)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def fate(sock, seconds=5):
    """closed, open, or what was answered."""
    sock.settimeout(seconds)
    try:
        data = sock.recv(4096)
    except ConnectionError:
        return "closed"
    except TimeoutError:
        return "open"
    return data.decode() if data else "closed"


def attack(name, data):
    sock = connection()
    try:
        for at in range(0, len(data), 65536):
            sock.sendall(data[at : at + 65536])
        results[name] = fate(sock)
    except ConnectionError:
        results[name] = "closed"
    sock.close()


def hello(identifier):
    return json.dumps({"Id": identifier}, separators=(",", ":")).encode()


def packet(source, destination, version=6, payload=b"12345678"):
    head = struct.pack("!IHBB", version << 28, len(payload), 59, 64)
    return head + socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination) + payload


attack("garbage", b"GET / HTTP/1.1\r\n\r\n")
attack("10 MB of JSON", b'{"Id":"' + b"1" * 10_000_000 + b'"}')
attack("no Id", b'{"Name":"me"}')
attack("an Id that is none", b'{"Id":"../../etc"}')
attack("more than an Id", b'{"Id":"00:11:22:33:44:01","Prefix":"::/0"}')

# A good client, which then sends what it may not.
bad = connection()
bad.sendall(hello("02:00:00:00:00:01"))
results["client"] = fate(bad)
prefix = json.loads(results["client"])["Prefix"].split("/")[0]
for _ in range(100):
    bad.sendall(packet("2001:db8:dead::1", "2001:db8:aa:fffc::1"))
bad.sendall(packet("fe80::1", "2001:db8:aa:fffc::1"))
bad.sendall(packet(prefix + "1", prefix + "2"))
bad.sendall(packet(prefix + "1", "ff1e::1"))
time.sleep(0.3)
bad.sendall(packet("::", "::", version=4))
results["version 4"] = fate(bad)

# The same Id twice from one address: the newer one wins. The pool has room for three.
first = connection()
first.sendall(hello("02:00:00:00:00:02"))
results["second"] = fate(first)
again = connection()
again.sendall(hello("02:00:00:00:00:02"))
results["second again"] = fate(again)
results["the older one"] = fate(first)
attack("third", hello("02:00:00:00:00:03"))
attack("fourth, of three", hello("02:00:00:00:00:04"))
attack("third again", hello("02:00:00:00:00:03"))

# Connections that say nothing, or half of a greeting.
silent = [connection() for _ in range(30)]
silent[0].sendall(b'{"Id":"00:')
time.sleep(0.5)
results["silent, at once"] = sum(fate(one, 0.05) == "closed" for one in silent)
started = time.monotonic()
while sum(fate(one, 0.05) == "closed" for one in silent) < 30 and time.monotonic() - started < 20:
    time.sleep(0.2)
results["silent, in the end"] = sum(fate(one, 0.05) == "closed" for one in silent)

print(json.dumps(results), flush=True)
