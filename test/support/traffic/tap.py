#!/usr/bin/env python3
"""Watches an RTP stream go by and prints which packet passed when; a batch a line, five times a second.

    tap.py interface NAME GROUP PORT     every packet on the interface (AF_PACKET, needs root; joins nothing)
    tap.py socket ADDRESS GROUP PORT SOURCE   a plain socket that joins on the interface with the address

{"packets": [[RTP sequence number, kernel time in ns, UDP payload bytes], ...]}. The kernel's time stamps come from
one clock for all network namespaces of a machine, so the difference between two taps is the time in between.
"""
import ipaddress
import json
import select
import signal
import socket
import struct
import sys
import time

ETH_P_ALL, ARPHRD_NONE = 3, 65534
SOL_PACKET, PACKET_VNET_HDR = 263, 15
SO_TIMESTAMPNS, SO_RCVBUFFORCE, IP_ADD_SOURCE_MEMBERSHIP = 35, 33, 39
VNET_HEADER, UDP_SEGMENTS = 10, 5  # virtio_net_hdr; VIRTIO_NET_HDR_GSO_UDP_L4

ended = False


def end(*_):
    global ended
    ended = True


class InterfaceTap:
    def __init__(self, name, group, port):
        self.group, self.port = ipaddress.ip_address(group), port
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
        self.sock.bind((name, ETH_P_ALL))

    def datagrams(self, frame, sender):
        """UDP payloads for the group; a super-packet (segmentation offload) is several."""
        segment = struct.unpack_from("=BBHHHH", frame)[3] if frame[1] & 0x7F == UDP_SEGMENTS else 0
        packet = frame[VNET_HEADER + (0 if sender[3] == ARPHRD_NONE else 14):]
        payload = self.payload(packet)
        if payload is None:
            return []
        step = segment or len(payload) or 1
        return [payload[at:at + step] for at in range(0, len(payload), step)]

    def payload(self, packet):
        if len(packet) < 28:
            return None
        if packet[0] >> 4 == 4 and self.group.version == 4:
            start = (packet[0] & 15) * 4
            if packet[9] != 17 or packet[16:20] != self.group.packed:
                return None
        elif packet[0] >> 4 == 6 and self.group.version == 6:
            start = 40
            if packet[6] != 17 or packet[24:40] != self.group.packed:
                return None
        else:
            return None
        if struct.unpack_from("!H", packet, start + 2)[0] != self.port:
            return None
        return packet[start + 8:]


class SocketTap:
    def __init__(self, address, group, port, source):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((group, port))
        request = b"".join(map(socket.inet_aton, (group, address, source)))  # ip_mreq_source
        self.sock.setsockopt(socket.IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, request)

    def datagrams(self, data, _sender):
        return [data]


def main():
    mode, where, group, port = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    tap = (InterfaceTap if mode == "interface" else SocketTap)(where, group, port, *sys.argv[5:])
    tap.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    tap.sock.setblocking(False)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    print('{"ready": true}', flush=True)
    batch, flush_at = [], time.monotonic() + 0.2
    while not ended:
        readable, _, _ = select.select([tap.sock], [], [], max(0.0, flush_at - time.monotonic()))
        if readable:
            try:
                data, extra, _, sender = tap.sock.recvmsg(70_000, 128)
            except BlockingIOError:
                continue
            seconds, nanoseconds = struct.unpack("=qq", extra[0][2])
            for payload in tap.datagrams(data, sender):
                if len(payload) >= 12 and payload[0] >> 6 == 2:  # RTP version 2
                    number = struct.unpack_from("!H", payload, 2)[0]
                    batch.append([number, seconds * 1_000_000_000 + nanoseconds, len(payload)])
        if time.monotonic() >= flush_at:
            print(json.dumps({"packets": batch}), flush=True)
            batch, flush_at = [], time.monotonic() + 0.2


if __name__ == "__main__":
    main()
