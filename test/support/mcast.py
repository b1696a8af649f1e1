#!/usr/bin/env python3
"""Sends and receives numbered multicast datagrams, with exact say over how a socket joins.

    mcast.py send GROUP[:PORT] [options]     mcast.py recv GROUP[:PORT] [options]     (--help lists them)

Both print JSON, one object a line; the last is {"event": "report", ...}. Times are CLOCK_MONOTONIC, which all
network namespaces of a machine share, so latency is one-way. SIGTERM and SIGINT end either with its report.

A datagram: magic, run, sequence number, time of the send call in ns, then bytes that follow from the number, so
that damage shows. Python's own delay, some 10 to 30 us, is part of every latency.
"""
import argparse
import os
import select
import signal
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True  # the checkout stays as it is
from mcast_recv import Receiver  # noqa: E402
from mcast_wire import HEAD, MAGIC, body, emit, index_of, parse_group  # noqa: E402

ended = False


def end(*_):
    global ended
    ended = True


def sender_socket(args, group):
    family = socket.AF_INET if group.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    if group.version == 4:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, args.ttl)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, args.loop)
        if args.interface:
            mreqn = struct.pack("=4s4si", b"\0" * 4, b"\0" * 4, index_of(args.interface))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, mreqn)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, args.ttl)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, args.loop)
        if args.interface:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index_of(args.interface))
    if args.source:
        sock.bind((args.source, 0))
    return sock


def send(args):
    group, port = parse_group(args.group)
    sock = sender_socket(args, group)
    sock.connect((str(group), port))
    size = max(args.size, HEAD.size)
    limit = args.count if args.count is not None else float("inf")
    until = time.monotonic() + args.seconds if args.seconds else float("inf")
    emit("ready", source=sock.getsockname()[0])
    start = time.monotonic()
    sent = refused = 0
    while not ended and sent + refused < limit:
        now = time.monotonic()
        if now >= until:
            break
        due = int((now - start) * args.rate) + 1 - sent - refused
        if due <= 0:
            time.sleep(min(0.05, start + (sent + refused) / args.rate - now))
            continue
        for _ in range(int(min(due, 32, limit - sent - refused))):
            sequence = sent + refused
            head = HEAD.pack(MAGIC, args.run, sequence, time.monotonic_ns())
            try:
                sock.send(head + body(sequence, size - HEAD.size))
                sent += 1
            except (BlockingIOError, OSError) as error:
                if refused == 0:
                    emit("refused", error=str(error))
                refused += 1
    seconds = time.monotonic() - start
    emit("report", sent=sent, refused=refused, seconds=seconds, rate=sent / seconds if seconds else 0)


def recv(args):
    receiver = Receiver(args)
    start = time.monotonic()
    plan = []
    if not args.no_join:
        plan.append((start + args.join_after, receiver.join))
    if args.leave_after is not None:
        plan.append((start + args.join_after + args.leave_after, receiver.leave))
    until = start + args.seconds if args.seconds else float("inf")
    commands, pending = {b"join": receiver.join, b"leave": receiver.leave, b"report": receiver.report}, b""
    inputs = [receiver.sock, 0]
    emit("ready")
    while not ended:
        now = time.monotonic()
        while plan and plan[0][0] <= now:
            plan.pop(0)[1]()
        unique = receiver.datagrams - receiver.duplicates
        if now >= until or (args.count is not None and unique >= args.count):
            break
        next_at = min([until, now + 0.1, *(at for at, _ in plan)])
        readable, _, _ = select.select(inputs, [], [], max(0.0, next_at - now))
        if 0 in readable:
            data = os.read(0, 4096)
            if not data:
                inputs.remove(0)
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                commands.get(line.strip(), lambda: None)()
        if receiver.sock in readable:
            receiver.take()
    receiver.report()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    for mode, action in (("send", send), ("recv", recv)):
        sub = modes.add_parser(mode)
        sub.set_defaults(action=action)
        sub.add_argument("group", help="239.1.2.3:5004, ff1e::1 or [ff1e::1]:5004")
        sub.add_argument("--interface", help="by name; without it the kernel chooses")
        sub.add_argument("--seconds", type=float)
        sub.add_argument("--count", type=int, help="datagrams (recv: different ones) after which it ends")
    sender, receiver = modes.choices["send"], modes.choices["recv"]
    sender.add_argument("--source", help="address to bind to")
    sender.add_argument("--size", type=int, default=1316, help="bytes of UDP payload")
    sender.add_argument("--rate", type=float, default=100, help="datagrams a second")
    sender.add_argument("--ttl", type=int, default=16)
    sender.add_argument("--loop", type=int, default=1, choices=(0, 1))
    sender.add_argument("--run", type=int, default=0)
    receiver.add_argument("--source", action="append", default=[], help="INCLUDE this source; repeatable")
    receiver.add_argument("--exclude", action="append", default=[], help="EXCLUDE this source; repeatable")
    receiver.add_argument("--no-join", action="store_true", help="only listen: what others joined arrives too")
    receiver.add_argument("--join-after", type=float, default=0, help="seconds")
    receiver.add_argument("--leave-after", type=float, help="seconds after the join; goes on listening")
    receiver.add_argument("--multicast-all", type=int, default=1, choices=(0, 1), help="IP_MULTICAST_ALL")
    receiver.add_argument("--bind", choices=("any", "group"), default="any")
    receiver.add_argument("--bind-device", help="SO_BINDTODEVICE")
    receiver.add_argument("--run", type=int, help="count datagrams of this run alone")
    receiver.add_argument("--verbose", action="store_true", help="a line for every datagram")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    args.action(args)


if __name__ == "__main__":
    sys.exit(main())
