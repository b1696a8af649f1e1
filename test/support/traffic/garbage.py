#!/usr/bin/env python3
"""Sends datagrams that mean nothing to one address, as fast as one processor lets it.

    garbage.py ADDRESS PORT SECONDS [RATE]

Every kind of frame is among them by its first bytes, cut short, padded and full of random bytes; so are plain noise,
empty datagrams and long ones. Whoever else wants the processor gets it first (nice). Prints {"sent": n, "seconds": s}.
"""
import json
import os
import random
import socket
import sys
import time

KINDS = 2_000


def datagrams():
    chance = random.Random(7)
    for n in range(KINDS):
        size = chance.choice((0, 1, 4, 16, 32, 64, 104, 164, 200, 600, 1_300, 1_472))
        data = bytearray(chance.randbytes(size))
        if n % 8:  # a frame's type, and the zeros behind it
            data[0:4] = bytes((1 + n % 4, 0, 0, 0))[:size]
        yield bytes(data)


def main():
    address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    rate = float(sys.argv[4]) if len(sys.argv) > 4 else float("inf")
    os.nice(19)
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    sock.connect((address, port))
    pool = list(datagrams())
    print('{"ready": true}', flush=True)
    start = now = time.monotonic()
    sent = 0
    while now - start < seconds:
        if sent > (now - start) * rate:
            time.sleep(0.001)
        for _ in range(50):
            try:
                sock.send(pool[sent % KINDS])
            except OSError:
                pass  # a full queue; nobody answers, so nothing else can be wrong
            sent += 1
        now = time.monotonic()
    print(json.dumps({"sent": sent, "seconds": now - start}), flush=True)


if __name__ == "__main__":
    main()
