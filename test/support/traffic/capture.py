#!/usr/bin/env python3
"""Every IP packet that passes an interface, in or out, as one JSON line each; joins nothing. Needs root.

    capture.py INTERFACE [SNAP]

{"at_ns": CLOCK_MONOTONIC, "out": true if the machine sent it, "length": bytes of the IP packet, "bytes": hex of
the first SNAP}. A super-packet of UDP (segmentation offload) is a line for each of its datagrams. A line "report" on the input is answered, once all that came before it is printed, with
{"event": "report", "packets": n, "missed": packets that the kernel had no room for}.
"""
import json
import os
import select
import socket
import struct
import sys
import time

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6, ARPHRD_NONE = 3, 0x0800, 0x86DD, 65534
SOL_PACKET, PACKET_STATISTICS, PACKET_VNET_HDR, PACKET_OUTGOING = 263, 6, 15, 4
SO_RCVBUFFORCE = 33
VNET_HEADER, UDP_SEGMENTS = 10, 5  # virtio_net_hdr; VIRTIO_NET_HDR_GSO_UDP_L4

def datagrams(packet, offload, segment):
    if offload & 0x7F != UDP_SEGMENTS or segment == 0:
        return [packet]
    payload = ((packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 40) + 8
    return [packet[:payload] + packet[at:at + segment] for at in range(payload, len(packet), segment)]


class Capture:
    def __init__(self, interface, snap):
        self.snap, self.packets, self.missed = snap, 0, 0
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.sock.bind((interface, ETH_P_ALL))
        self.sock.setblocking(False)

    def take(self):
        lines = []
        while True:
            try:
                frame, sender = self.sock.recvfrom(70_000)
            except BlockingIOError:
                break
            if sender[1] not in (ETH_P_IP, ETH_P_IPV6):
                continue
            at, out = time.monotonic_ns(), sender[2] == PACKET_OUTGOING
            packet = frame[VNET_HEADER + (0 if sender[3] == ARPHRD_NONE else 14):]
            for part in datagrams(packet, *struct.unpack_from("=BBHH", frame)[1:4:2]):
                self.packets += 1
                lines.append(json.dumps({"at_ns": at, "out": out, "length": len(part),
                                         "bytes": part[:self.snap].hex()}))
        if lines:
            print("\n".join(lines), flush=True)

    def report(self):
        self.take()
        # Reading the statistics resets them.
        self.missed += struct.unpack("=II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        print(json.dumps({"event": "report", "packets": self.packets, "missed": self.missed}), flush=True)


def main():
    capture = Capture(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 256)
    print('{"event": "ready"}', flush=True)
    inputs = [capture.sock, 0]
    while True:
        readable, _, _ = select.select(inputs, [], [])
        if capture.sock in readable:
            capture.take()
        if 0 in readable:
            data = os.read(0, 4096)
            if not data:
                inputs.remove(0)
            for line in data.split():
                if line == b"report":
                    capture.report()


if __name__ == "__main__":
    main()
