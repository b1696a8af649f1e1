#!/usr/bin/env python3
"""One TCP transfer of random bytes, hashed at both ends.

    transfer.py receive ADDRESS PORT          transfer.py send ADDRESS PORT BYTES

The receiver prints {"event": "ready"}, then like the sender {"event": "report", "bytes", "sha256", "seconds"}: from
the first byte to the last.
"""
import hashlib
import json
import os
import socket
import sys
import time

CHUNK = 1 << 20


def report(total, digest, start):
    seconds = time.monotonic() - start
    print(json.dumps({"event": "report", "bytes": total, "sha256": digest.hexdigest(), "seconds": seconds}), flush=True)


def receive(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family) as server:
        print('{"event": "ready"}', flush=True)
        connection, _ = server.accept()
    digest, total, start = hashlib.sha256(), 0, None
    while data := connection.recv(CHUNK):
        start = start or time.monotonic()
        digest.update(data)
        total += len(data)
    report(total, digest, start or time.monotonic())


def send(address, port, size):
    digest, left = hashlib.sha256(), size
    with socket.create_connection((address, port), timeout=10) as connection:
        connection.settimeout(None)
        start = time.monotonic()
        while left:
            data = os.urandom(min(CHUNK, left))
            digest.update(data)
            connection.sendall(data)
            left -= len(data)
    report(size, digest, start)


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        receive(sys.argv[2], int(sys.argv[3]))
    else:
        send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
