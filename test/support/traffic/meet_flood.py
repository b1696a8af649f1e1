"""A hostile client of a meeting point: greetings, calls, binds and noise, as fast as one socket sends them."""
import os
import random
import socket
import sys
import time

host, port = sys.argv[1].rsplit(":", 1)
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setblocking(False)


def request(kind, body):
    message = bytes([16, 0, 0, 0, kind]) + os.urandom(8) + body
    return message + bytes(max(0, 96 - len(message)))


cookie = bytes(16)
sent = 0
shown = time.monotonic()
while True:
    choice = random.randrange(6)
    if choice == 0:
        data = request(1, b"")
    elif choice == 1:
        data = request(3, cookie + os.urandom(32) + bytes(8) + bytes(11) + os.urandom(16))
    elif choice == 2:
        data = request(5, cookie + os.urandom(32) + os.urandom(16) + b"\x00\x40" + os.urandom(64))
    elif choice == 3:
        data = request(10, cookie + os.urandom(16))
    elif choice == 4:
        data = request(12, os.urandom(16) + cookie)
    else:
        data = os.urandom(random.randrange(1, 1200))
    to = int(port) if random.random() < 0.8 else 42300 + random.randrange(8)
    try:
        sock.sendto(data, (host, to))
        sent += 1
    except OSError:
        time.sleep(0.001)
    try:
        answer = sock.recv(2048)
        if len(answer) > 61 and answer[0] == 16 and answer[4] == 2:
            cookie = answer[45:61]
    except OSError:
        pass
    if sent % 20 == 0:
        time.sleep(0.001)
    if time.monotonic() - shown > 1:
        shown = time.monotonic()
        print(f"sent {sent}", flush=True)
