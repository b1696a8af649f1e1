"""streams.py INTERFACE-ADDRESS FIRST GROUPS RATE SIZE: RATE datagrams a second to each of GROUPS groups, the first of which is
232.9.0.0 plus FIRST, evenly spread, until it is ended."""

import socket
import sys
import time

address, first, groups, rate, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 8)
payload = bytes(size)
gap = 1 / (rate * groups)
print("sending", flush=True)
start = time.monotonic()
sent = 0
while True:
    due = int((time.monotonic() - start) / gap) + 1
    while sent < due:
        number = first + sent % groups
        sock.sendto(payload, ("232.9.%d.%d" % (number >> 8, number & 255), 5004))
        sent += 1
    time.sleep(max(0, start + due * gap - time.monotonic()))
