"""The other program's side of mcasttunnel, written from its description, with its defects: one recv is taken for the
whole of what was asked for, datagrams are cut at 2,048 bytes, one of no bytes ends the session. IPv4."""

import argparse
import socket
import struct
import sys
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("-s", action="store_true")
parser.add_argument("-a", default="")
parser.add_argument("-p", type=int, required=True)
parser.add_argument("-i", required=True)
parser.add_argument("-g", required=True)
parser.add_argument("-r", type=int, required=True)
parser.add_argument("-t", type=int, default=1)
options = parser.parse_args()

receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
receiver.bind((options.g, options.r))
receiver.setsockopt(
    socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(options.g) + socket.inet_aton(options.i)
)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(options.i))
sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, options.t)
sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
sender.bind(("", 0))
own_port = sender.getsockname()[1]

peers = []


def say(text):
    print(text, flush=True)


def close(peer, why):
    if peer in peers:
        peers.remove(peer)
        peer.close()
        say("closed: " + why)


def from_group():
    while True:
        payload, source = receiver.recvfrom(2048)
        if source[1] == own_port:
            continue
        for peer in list(peers):
            try:
                if len(payload) == 0:
                    close(peer, "an empty datagram")
                else:
                    peer.sendall(struct.pack("!H", len(payload)) + payload)
            except OSError as error:
                close(peer, str(error))


def from_peer(peer):
    try:
        while True:
            header = peer.recv(2)
            if len(header) == 0:
                return close(peer, "the end")
            if len(header) < 2:
                return close(peer, "a short read")
            (length,) = struct.unpack("!H", header)
            payload = peer.recv(length)
            if len(payload) == 0:
                return close(peer, "no bytes")
            sender.sendto(payload, (options.g, options.r))
    except OSError as error:
        close(peer, str(error))


threading.Thread(target=from_group, daemon=True).start()
if options.s:
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((options.a, options.p))
    server.listen()
    say("listening")
    while True:
        peer, _ = server.accept()
        peers.append(peer)
        say("connected")
        threading.Thread(target=from_peer, args=(peer,), daemon=True).start()
while True:
    peer = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        peer.connect((options.a, options.p))
        peers.append(peer)
        say("connected")
        from_peer(peer)
    except OSError as error:
        print(error, file=sys.stderr, flush=True)
    time.sleep(1)
