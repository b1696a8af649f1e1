"""An AMT gateway for tests, written from the format's description alone. It does what it is told on standard input, a
JSON object a line, and answers with one. What other programs do differently is for the options to say."""

import argparse
import ipaddress
import json
import os
import selectors
import socket
import struct
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--bind", required=True)
parser.add_argument("--relay", required=True)
parser.add_argument("--port", type=int, default=2268)
parser.add_argument("--p-flag", type=lambda text: int(text, 0), default=0x01, help="Linux: 0x80; amtgwd: 0")
parser.add_argument("--ecn", action="store_true", help="sets E in Requests")
parser.add_argument("--request-length", type=int, default=8, help="VLC: 9")
parser.add_argument("--one-nonce", action="store_true", help="the same for IGMP and MLD, as Linux has it")
parser.add_argument("--mac-bytes", type=int, default=6, help="so many of a MAC are given back as they came")
parser.add_argument("--play", default="", help="UDP payloads go to this port of the own computer")
options = parser.parse_args()

RECORD_TYPES = {"is-include": 1, "is-exclude": 2, "to-include": 3, "to-exclude": 4, "allow": 5, "block": 6}
IP_RECVTOS = 13
IPV6_RECVTCLASS = 66
IPV6_TCLASS = 67

v6 = ":" in options.relay
sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
if v6:
    sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVTCLASS, 1)
else:
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
sock.bind((options.bind, 0))
player = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

nonce = int.from_bytes(os.urandom(4), "big")
proof = None  # MAC and nonce of the last Query
queries = {}  # by nonce
streams = {}


def say(**what):
    print(json.dumps(what), flush=True)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def report(records):
    """IGMPv3 from 0.0.0.0, MLDv2 from ::, with Router Alert."""
    family = 6 if any(":" in record["group"] for record in records) else 4
    body = b""
    for record in records:
        packed = [ipaddress.ip_address(source).packed for source in record.get("sources", [])]
        body += struct.pack("!BBH", RECORD_TYPES[record["type"]], 0, len(packed))
        body += ipaddress.ip_address(record["group"]).packed + b"".join(packed)
    if family == 4:
        igmp = struct.pack("!BBHHH", 0x22, 0, 0, 0, len(records)) + body
        igmp = igmp[:2] + struct.pack("!H", checksum(igmp)) + igmp[4:]
        header = struct.pack("!BBHHHBBH4s4s", 0x46, 0xC0, 24 + len(igmp), 1, 0, 1, 2, 0, bytes(4), bytes((224, 0, 0, 22)))
        header += b"\x94\x04\0\0"
        return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + igmp
    source, group = bytes(16), ipaddress.ip_address("ff02::16").packed
    mld = struct.pack("!BBHHH", 143, 0, 0, 0, len(records)) + body
    pseudo = source + group + struct.pack("!II", len(mld), 58)
    mld = mld[:2] + struct.pack("!H", checksum(pseudo + mld)) + mld[4:]
    hop_by_hop = b"\x3a\0\x05\x02\0\0\x01\0"
    return struct.pack("!IHBB", 0x60000000, 8 + len(mld), 0, 1) + source + group + hop_by_hop + mld


def send(data, to=None):
    sock.sendto(data, (to or options.relay, options.port))


def ask(family):
    global nonce
    if not options.one_nonce:
        nonce = int.from_bytes(os.urandom(4), "big")
    flags = (options.p_flag if family == 6 else 0) | (0x02 if options.ecn else 0)
    send(struct.pack("!BBHI", 3, flags, 0, nonce) + bytes(options.request_length - 8))


def update(command):
    mac, of = proof
    if "query" in command:
        mac, of = queries[command["query"]]
    if "mac" in command:
        mac = bytes.fromhex(command["mac"])
    mac = mac[: options.mac_bytes] + bytes(6 - options.mac_bytes)
    packet = report(command["records"])
    send(b"\x05\0" + mac + struct.pack("!I", of) + packet)


def teardown(command):
    mac, of = proof
    if "mac" in command:
        mac = bytes.fromhex(command["mac"])
    address = ipaddress.ip_address(command["address"]).packed.rjust(16, b"\0")
    of = command.get("nonce", of)
    send(b"\x07\0" + mac + struct.pack("!IH", of, command["port"]) + address)


def obey(line):
    command = json.loads(line)
    op = command["op"]
    if op == "discover":
        send(struct.pack("!BBHI", 1, 0, 0, 0x1234), command.get("to"))
    elif op == "request":
        ask(command["family"])
    elif op == "update":
        update(command)
        say(event="done")
    elif op == "teardown":
        teardown(command)
        say(event="done")
    elif op == "raw":
        send(bytes.fromhex(command["hex"]), command.get("to"))
        say(event="done")
    elif op == "stats":
        say(event="stats", port=sock.getsockname()[1], streams=streams)
        if command.get("reset"):
            streams.clear()


def data(packet, tos):
    if packet[0] >> 4 == 4:
        head = (packet[0] & 15) * 4
        source, group = (str(ipaddress.ip_address(packet[at : at + 4])) for at in (12, 16))
        fragment = struct.unpack("!H", packet[6:8])[0] & 0x3FFF != 0
        whole = struct.unpack("!H", packet[2:4])[0] == len(packet) and checksum(packet[:head]) == 0
        ttl = packet[8]
    else:
        head = 40
        source, group = (str(ipaddress.ip_address(packet[at : at + 16])) for at in (8, 24))
        fragment = False
        whole = struct.unpack("!H", packet[4:6])[0] + 40 == len(packet)
        ttl = packet[7]
    entry = streams.setdefault(
        source + "," + group, {"packets": 0, "bytes": 0, "fragments": 0, "bad": 0, "tos": [], "ttls": []}
    )
    entry["packets"] += 1
    entry["bytes"] += len(packet)
    entry["fragments"] += fragment
    entry["bad"] += not whole
    if tos not in entry["tos"]:
        entry["tos"].append(tos)
    if ttl not in entry["ttls"]:
        entry["ttls"].append(ttl)
    if options.play and not fragment:
        player.sendto(packet[head + 8 :], ("127.0.0.1", int(options.play)))


def receive():
    global proof
    try:
        message, ancillary, _, source = sock.recvmsg(65536, 64, socket.MSG_DONTWAIT)
    except (BlockingIOError, ConnectionError):
        return False
    kind = message[0]
    if kind == 2:
        relay = str(ipaddress.ip_address(message[8:]))
        say(event="advertisement", relay=relay, source=source[0], nonce=struct.unpack("!I", message[4:8])[0])
    elif kind == 4:
        of = struct.unpack("!I", message[8:12])[0]
        proof = (message[2:8], of)
        queries[of] = proof
        inner = message[12 : len(message) - 18] if message[1] & 1 else message[12:]
        say(
            event="query",
            flags=message[1],
            length=len(message),
            mac=message[2:8].hex(),
            nonce=of,
            family=inner[0] >> 4,
            source=source[0],
            right=of == nonce,
            tail=message[-18:].hex() if message[1] & 1 else "",
        )
    elif kind == 6:
        tos = 0
        for level, of, value in ancillary:
            if (level, of) in ((socket.IPPROTO_IP, socket.IP_TOS), (socket.IPPROTO_IPV6, IPV6_TCLASS)):
                tos = value[0]
        data(message[2:], tos)
    else:
        say(event="unexpected", kind=kind)
    return True


selector = selectors.DefaultSelector()
selector.register(sock, selectors.EVENT_READ)
selector.register(sys.stdin, selectors.EVENT_READ)
say(event="ready", port=sock.getsockname()[1])
while True:
    for key, _ in selector.select():
        if key.fileobj is sock:
            for _ in range(64):
                if not receive():
                    break
        else:
            line = sys.stdin.readline()
            if not line:
                sys.exit(0)
            obey(line)
