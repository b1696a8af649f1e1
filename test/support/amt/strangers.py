"""Requests of many strangers: each from an address and port of its own that nobody has. Needs root."""

import socket
import struct
import sys

relay, count = sys.argv[1], int(sys.argv[2])
sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
to = socket.inet_aton(relay)
for number in range(count):
    source = struct.pack("!I", 0xC6120000 + number % 0x1FFFF)  # 198.18.0.0/15, RFC 2544
    message = struct.pack("!BBHI", 3, 0, 0, number)
    udp = struct.pack("!HHHH", 1024 + number % 60_000, 2268, 8 + len(message), 0) + message
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number & 0xFFFF, 0, 64, 17, 0, source, to)
    while True:
        try:
            sock.sendto(header + udp, (relay, 0))
            break
        except OSError:  # the queue is full
            pass
print("sent", count, flush=True)
