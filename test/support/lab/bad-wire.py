#!/usr/bin/env python3
"""A wire between two interfaces that loses, doubles, delays and reorders frames.

    bad-wire.py INSIDE OUTSIDE

Prints "ready", then reads settings as JSON objects, one a line, and answers each with "set":
{"seed": 1, "loss": 0.1, "duplicate": 0.05, "delay_ms": 10, "jitter_ms": 5, "reorder": 0.1, "reorder_ms": 8}
loss, duplicate and reorder are shares of all frames; a reordered frame waits reorder_ms longer than the others.
Ends when its input does. Every frame keeps its virtio header, so partial checksums stay right.
"""
import heapq
import json
import os
import random
import select
import socket
import sys
import time

ETH_P_ALL = 3
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
SO_RCVBUFFORCE = 33
FRAME = 70_000


def open_end(name):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    end.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    end.bind((name, ETH_P_ALL))
    end.setblocking(False)
    return end


def main():
    ends = [open_end(name) for name in sys.argv[1:3]]
    settings, chance = {}, random.Random(1)
    waiting, number, pending = [], 0, b""
    print("ready", flush=True)
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select([0, *ends], [], [], timeout)
        now = time.monotonic()
        if 0 in readable:
            data = os.read(0, 65536)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                settings = json.loads(line)
                chance = random.Random(settings.get("seed", 1))
                print("set", flush=True)
        for side, end in enumerate(ends):
            if end not in readable:
                continue
            for _ in range(64):
                try:
                    frame = end.recv(FRAME)
                except BlockingIOError:
                    break
                if chance.random() < settings.get("loss", 0):
                    continue
                copies = 2 if chance.random() < settings.get("duplicate", 0) else 1
                for _ in range(copies):
                    delay = settings.get("delay_ms", 0) + chance.uniform(0, settings.get("jitter_ms", 0))
                    if chance.random() < settings.get("reorder", 0):
                        delay += settings.get("reorder_ms", 5)
                    number += 1
                    heapq.heappush(waiting, (now + delay / 1000, number, 1 - side, frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, side, frame = heapq.heappop(waiting)
            try:
                ends[side].send(frame)
            except (BlockingIOError, OSError):
                pass  # a full queue loses it, as a wire would


if __name__ == "__main__":
    main()
