#!/usr/bin/env python3
"""Many groups at once, sent to or listened to on one interface, with protocols beside UDP.

    groups.py send INTERFACE COUNT      what to send: a JSON list on the input
    groups.py listen INTERFACE          groups and ports: a JSON list on the input

To send: {"group", "port", "ttl"} is UDP, with "source" from that address; {"group", "protocol", "payload": hex, "ttl", "alert"} is raw, with a router
alert option if asked for, and ICMPv6 checksums filled in by the kernel. The sender sends each COUNT times and prints
{"event": "report", "sent": n}. The listener joins {"group", "port"}, prints {"event": "ready"}, and answers each
further line with {"event": "report", "received": {group: datagrams}}; {"name"} beside a group stands for it there.
"""
import ipaddress
import json
import os
import select
import socket
import struct
import sys
import time

SO_BINDTODEVICE, SO_REUSEADDR = 25, 2
MCAST_JOIN_GROUP = 42
IP_OPTIONS, ROUTER_ALERT_4 = 4, bytes([0x94, 4, 0, 0])
IPV6_HOPOPTS, ROUTER_ALERT_6 = 54, bytes([0, 0, 5, 2, 0, 0, 1, 0])
IPPROTO_UDP, IPPROTO_ICMPV6 = 17, 58
GAP = 0.002


def family_of(address):
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def level_of(address):
    return socket.IPPROTO_IP if address.version == 4 else socket.IPPROTO_IPV6


def sockaddr(address):
    if address.version == 4:
        return struct.pack("=HH4s", socket.AF_INET, 0, address.packed).ljust(128, b"\0")
    return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, address.packed, 0).ljust(128, b"\0")


def sender_of(item, interface):
    address = ipaddress.ip_address(item["group"])
    index = socket.if_nametoindex(interface)
    protocol = item.get("protocol", IPPROTO_UDP)
    kind = socket.SOCK_DGRAM if "port" in item else socket.SOCK_RAW
    sock = socket.socket(family_of(address), kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, interface.encode() + b"\0")
    if "source" in item:
        sock.bind((item["source"], 0))
    if address.version == 4:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, item["ttl"])
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", b"\0" * 4, b"\0" * 4, index))
        if item.get("alert"):
            sock.setsockopt(socket.IPPROTO_IP, IP_OPTIONS, ROUTER_ALERT_4)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, item["ttl"])
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        if item.get("alert"):
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_HOPOPTS, ROUTER_ALERT_6)
    payload = bytes.fromhex(item["payload"]) if "payload" in item else b"castaway scope"
    destination = (str(address), item.get("port", 0)) + ((0, index) if address.version == 6 else ())
    return lambda: sock.sendto(payload, destination)


def send(interface, count, items):
    senders = [sender_of(item, interface) for item in items]
    sent = 0
    for _ in range(count):
        for sender in senders:
            sender()
            sent += 1
            time.sleep(GAP)
    print(json.dumps({"event": "report", "sent": sent}), flush=True)


def listen(interface, items):
    index = socket.if_nametoindex(interface)
    groups = {}
    for item in items:
        address = ipaddress.ip_address(item["group"])
        sock = socket.socket(family_of(address), socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, SO_REUSEADDR, 1)
        if address.version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Bound to the group: datagrams of others on the same port stay out.
        scope = (0, index) if address.version == 6 else ()
        sock.bind((str(address), item["port"]) + scope)
        sock.setsockopt(level_of(address), MCAST_JOIN_GROUP, struct.pack("=I4x", index) + sockaddr(address))
        sock.setblocking(False)
        groups[sock] = item.get("name", item["group"])
    received = {group: 0 for group in groups.values()}
    print('{"event": "ready"}', flush=True)
    while True:
        readable, _, _ = select.select([*groups, 0], [], [])
        asked = False
        for one in readable:
            if one == 0:
                asked = True
                if not os.read(0, 4096):
                    return
                continue
            try:
                while True:
                    one.recv(2048)
                    received[groups[one]] += 1
            except BlockingIOError:
                pass
        if asked:
            print(json.dumps({"event": "report", "received": received}), flush=True)


def main():
    mode, interface = sys.argv[1], sys.argv[2]
    # Read without a buffer: what follows the first line is for select to see.
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(0, 1 if mode == "listen" else 65536)
    items = json.loads(line)
    if mode == "send":
        send(interface, int(sys.argv[3]), items)
    else:
        listen(interface, items)


if __name__ == "__main__":
    main()
