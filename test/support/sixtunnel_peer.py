"""The other programs' sides of the stateful IPv6 tunnel, written from their description, with their defects: what one
recv gives, at most 4,096 bytes, is taken for one packet; no source address is looked at; a spoofed Id has the prefix; an
exhausted pool ends the server; of the assignments no more than 12,000 bytes are read.

    sixtunnel_peer.py server LOCALHOST LISTENPORT PREFIXRANGE ASSIGNMENTS DEVICE
    sixtunnel_peer.py client REMOTEHOST REMOTEPORT ID DEVICE
"""

import fcntl
import ipaddress
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time


def say(text):
    print(text, flush=True)


def ip(*words):
    subprocess.run(["ip", "-6", *words], check=True)


def write_tun(tun, packet):
    if len(packet) != 40 + int.from_bytes(packet[4:6], "big"):
        say(f"defect: {len(packet)} bytes taken for one packet")  # the kernel takes the first one in them
    try:
        os.write(tun, packet)
    except OSError as error:
        say(f"not taken: {error}")


def open_tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x0001 | 0x1000))
    ip("link", "set", name, "up")
    return fd


def serve(address, port, prefix_range, assignments, device):
    tun = open_tun(device)
    try:
        with open(assignments, encoding="utf8") as file:
            known = json.loads(file.read(12_000))
    except FileNotFoundError:
        known = {}
    clients = {}
    pool = ipaddress.ip_network(prefix_range).subnets(new_prefix=64)
    own = str(next(pool).network_address + 1)  # for the test to send to
    ip("addr", "add", own, "dev", device, "nodad")

    def assign(identifier):
        if identifier not in known:
            taken = set(known.values())
            fresh = next((str(one) for one in pool if str(one) not in taken), None)
            if fresh is None:
                say("no prefix is left")
                os._exit(1)
            known[identifier] = fresh
            with open(assignments, "w", encoding="utf8") as file:
                file.write(json.dumps(known))
        return known[identifier]

    def one_client(client):
        try:
            identifier = json.loads(client.recv(4096))["Id"]
            prefix = assign(identifier)
            client.sendall(json.dumps({"Prefix": prefix}, separators=(",", ":")).encode())
            ip("route", "replace", prefix, "dev", device)
            clients[ipaddress.ip_network(prefix)] = client
            say(f"connected {identifier} {prefix}")
            while packet := client.recv(4096):
                write_tun(tun, packet)
        except (OSError, ValueError, KeyError) as error:
            say(f"failed: {error}")
        say("closed")
        client.close()

    def from_tun():
        while True:
            packet = os.read(tun, 4096)
            there = ipaddress.ip_network((packet[24:32] + bytes(8), 64))
            try:
                if there in clients:
                    clients[there].sendall(packet)
            except OSError:
                del clients[there]

    threading.Thread(target=from_tun, daemon=True).start()
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    server.listen()
    say("listening")
    while True:
        client, _ = server.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=one_client, args=(client,), daemon=True).start()


def be_client(address, port, identifier, device):
    tun = open_tun(device)
    configured = None
    while True:
        server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            server.connect((address, port))
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.sendall(json.dumps({"Id": identifier}, separators=(",", ":")).encode())
            prefix = json.loads(server.recv(4096))["Prefix"]
            if prefix != configured:
                ip("addr", "add", prefix.split("/")[0] + "1/64", "dev", device)
                ip("route", "replace", "default", "dev", device)
                configured = prefix
            say(f"connected {prefix}")
            while True:
                readable, _, _ = select.select([tun, server], [], [])
                if server in readable:
                    packet = server.recv(4096)
                    if not packet:
                        break
                    write_tun(tun, packet)
                if tun in readable:
                    server.sendall(os.read(tun, 4096))
        except (OSError, ValueError, KeyError) as error:
            say(f"failed: {error}")
        say("closed")
        server.close()
        time.sleep(2)


if sys.argv[1] == "server":
    serve(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5], sys.argv[6])
else:
    be_client(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5])
