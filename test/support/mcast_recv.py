"""A multicast receiver that counts what came, when, from whom and by which interface."""
import ipaddress
import socket
import struct
import time

from mcast_wire import HEAD, MAGIC, body, emit, index_of, parse_group

SO_RCVBUFFORCE, SO_RXQ_OVFL, SO_BINDTODEVICE = 33, 40, 25
IP_PKTINFO, IP_RECVTTL, IP_TTL, IP_MULTICAST_ALL = 8, 12, 2, 49
IPV6_RECVPKTINFO, IPV6_PKTINFO, IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT, IPV6_MULTICAST_ALL = 49, 50, 51, 52, 29
MCAST_JOIN_GROUP, MCAST_BLOCK_SOURCE, MCAST_LEAVE_GROUP = 42, 43, 45
MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP = 46, 47


def sockaddr(address):
    if address.version == 4:
        return struct.pack("=HH4s", socket.AF_INET, 0, address.packed).ljust(128, b"\0")
    return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, address.packed, 0).ljust(128, b"\0")


class Receiver:
    def __init__(self, args):
        self.args = args
        self.group, self.port = parse_group(args.group)
        self.version = self.group.version
        self.level = socket.IPPROTO_IP if self.version == 4 else socket.IPPROTO_IPV6
        self.sock = self.open()
        self.joined_at = self.left_at = self.first_after_join = None
        self.seen, self.latencies, self.interfaces, self.sources, self.ttls = {}, [], {}, {}, set()
        self.highest = {}
        self.datagrams = self.duplicates = self.corrupt = self.foreign = self.reordered = 0
        self.bytes = self.overflows = self.before_join = self.after_leave = 0
        self.longest_gap_ns, self.last_ns = 0, None

    def open(self):
        four = self.version == 4
        sock = socket.socket(socket.AF_INET if four else socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        if four:
            sock.setsockopt(self.level, IP_PKTINFO, 1)
            sock.setsockopt(self.level, IP_RECVTTL, 1)
            sock.setsockopt(self.level, IP_MULTICAST_ALL, self.args.multicast_all)
        else:
            sock.setsockopt(self.level, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(self.level, IPV6_RECVPKTINFO, 1)
            sock.setsockopt(self.level, IPV6_RECVHOPLIMIT, 1)
            sock.setsockopt(self.level, IPV6_MULTICAST_ALL, self.args.multicast_all)
        if self.args.bind_device:
            sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, self.args.bind_device.encode() + b"\0")
        any_address = "0.0.0.0" if four else "::"
        sock.bind((any_address if self.args.bind == "any" else str(self.group), self.port))
        sock.setblocking(False)
        return sock

    def request(self, source=None):
        parts = struct.pack("=I4x", index_of(self.args.interface)) + sockaddr(self.group)
        return parts if source is None else parts + sockaddr(ipaddress.ip_address(source))

    def join(self):
        if self.args.source:
            for source in self.args.source:
                self.sock.setsockopt(self.level, MCAST_JOIN_SOURCE_GROUP, self.request(source))
        else:
            self.sock.setsockopt(self.level, MCAST_JOIN_GROUP, self.request())
            for source in self.args.exclude:
                self.sock.setsockopt(self.level, MCAST_BLOCK_SOURCE, self.request(source))
        self.joined_at, self.left_at = time.monotonic_ns(), None
        emit("joined")

    def leave(self):
        if self.args.source:
            for source in self.args.source:
                self.sock.setsockopt(self.level, MCAST_LEAVE_SOURCE_GROUP, self.request(source))
        else:
            self.sock.setsockopt(self.level, MCAST_LEAVE_GROUP, self.request())
        self.left_at, self.joined_at = time.monotonic_ns(), None
        emit("left")

    def take(self):
        for _ in range(256):
            try:
                data, extra, _, sender = self.sock.recvmsg(65536, 256)
            except BlockingIOError:
                return
            now = time.monotonic_ns()
            self.count(data, extra, sender[0].partition("%")[0], now)

    def count(self, data, extra, sender, now):
        if len(data) < HEAD.size or data[:4] != MAGIC:
            self.foreign += 1
            return
        _, run, sequence, sent_at = HEAD.unpack_from(data)
        if self.args.run is not None and run != self.args.run:
            self.foreign += 1
            return
        self.datagrams += 1
        self.bytes += len(data)
        if data[HEAD.size:] != body(sequence, len(data) - HEAD.size):
            self.corrupt += 1
        self.control(extra)
        if self.joined_at is None:
            if self.left_at is None:
                self.before_join += 1
            else:
                self.after_leave += 1
        elif self.first_after_join is None:
            self.first_after_join = now - self.joined_at
            emit("first", after_join_ms=self.first_after_join / 1e6)
        key = (run, sender)
        self.sources[sender] = self.sources.get(sender, 0) + 1
        numbers = self.seen.setdefault(key, set())
        if sequence in numbers:
            self.duplicates += 1
            return
        numbers.add(sequence)
        if sequence < self.highest.get(key, -1):
            self.reordered += 1
        else:
            self.highest[key] = sequence
        if self.last_ns is not None:
            self.longest_gap_ns = max(self.longest_gap_ns, now - self.last_ns)
        self.last_ns = now
        self.latencies.append(now - sent_at)
        if self.args.verbose:
            emit("datagram", seq=sequence, source=sender, latency_us=(now - sent_at) / 1000)

    def control(self, extra):
        for level, kind, value in extra:
            if (level, kind) == (socket.SOL_SOCKET, SO_RXQ_OVFL):
                self.overflows = struct.unpack("=I", value)[0]
            elif (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
                self.interface(struct.unpack_from("=i", value)[0])
            elif (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO):
                self.interface(struct.unpack_from("=16si", value)[1])
            elif (level, kind) in ((socket.IPPROTO_IP, IP_TTL), (socket.IPPROTO_IPV6, IPV6_HOPLIMIT)):
                self.ttls.add(struct.unpack("=i", value)[0])

    def interface(self, index):
        self.interfaces[index] = self.interfaces.get(index, 0) + 1

    def report(self):
        unique = sum(len(numbers) for numbers in self.seen.values())
        spans = [(min(n), max(n), len(n)) for n in self.seen.values()]
        ordered = sorted(self.latencies)
        at = lambda part: ordered[min(len(ordered) - 1, int(part * len(ordered)))] / 1000 if ordered else None
        first = self.first_after_join
        emit("report", received=unique, datagrams=self.datagrams, duplicates=self.duplicates,
             lost=sum(high - low + 1 - count for low, high, count in spans),
             first_seq=min((s[0] for s in spans), default=None), last_seq=max((s[1] for s in spans), default=None),
             reordered=self.reordered, corrupt=self.corrupt, foreign=self.foreign, bytes=self.bytes,
             before_join=self.before_join, after_leave=self.after_leave, overflows=self.overflows,
             longest_gap_ms=self.longest_gap_ns / 1e6,
             first_after_join_ms=None if first is None else first / 1e6,
             p50_us=at(0.5), p99_us=at(0.99), max_us=at(1.0), sources=self.sources,
             interfaces={name_of(index): count for index, count in self.interfaces.items()},
             ttls=sorted(self.ttls))


def name_of(index):
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"#{index}"
