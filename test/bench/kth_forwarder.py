#!/usr/bin/env python3
"""A static forwarder of the kind that theses measure: one group, joined on one interface, each datagram sent to the
same group and port on another.

    kth_forwarder.py GROUP PORT FROM_ADDRESS TO_ADDRESS
"""
import socket
import sys

group, port, from_address, to_address = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
receiver.bind((group, port))
member = socket.inet_aton(group) + socket.inet_aton(from_address)
receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(to_address))
sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 16)
sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
print("ready", flush=True)
while True:
    data, _ = receiver.recvfrom(65536)
    sender.sendto(data, (group, port))
