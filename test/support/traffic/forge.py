#!/usr/bin/env python3
"""Sends UDP datagrams whose IP source address is anybody's: forge.py SOURCE DESTINATION PORT COUNT TTL

Needs root. Addresses of either family; the kernel chooses the interface by the destination.
"""
import ipaddress
import socket
import struct
import sys
import time

UDP = 17
GAP = 0.002


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF or 0xFFFF


def packet(source, destination, port, payload, ttl):
    length = 8 + len(payload)
    head = struct.pack("!HHHH", 40000, port, length, 0)
    if source.version == 4:
        pseudo = source.packed + destination.packed + struct.pack("!BBH", 0, UDP, length)
        # The kernel fills in total length, identification and header checksum (raw(7)).
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, ttl, UDP, 0) + source.packed + destination.packed
    else:
        pseudo = source.packed + destination.packed + struct.pack("!II", length, UDP)
        ip = struct.pack("!IHBB", 0x60000000, length, UDP, ttl) + source.packed + destination.packed
    head = head[:6] + struct.pack("!H", checksum(pseudo + head + payload))
    return ip + head + payload


def main():
    source, destination = map(ipaddress.ip_address, sys.argv[1:3])
    port, count, ttl = map(int, sys.argv[3:6])
    family = socket.AF_INET if source.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for number in range(count):
        sock.sendto(packet(source, destination, port, b"forged %d" % number, ttl), (str(destination), 0))
        time.sleep(GAP)


if __name__ == "__main__":
    main()
