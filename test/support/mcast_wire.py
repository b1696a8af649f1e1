"""What sender and receiver share: the datagram, group addresses, and events as JSON lines."""
import ipaddress
import json
import socket
import struct
import time

MAGIC = b"MCST"
HEAD = struct.Struct("!4sIQQ")
FILL = bytes(range(256)) * 260


def emit(event, **fields):
    print(json.dumps({"event": event, "at_ns": time.monotonic_ns(), **fields}), flush=True)


def parse_group(text):
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        port = port.lstrip(":")
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    else:
        address, port = text, ""
    return ipaddress.ip_address(address), int(port or 5004)


def index_of(name):
    return socket.if_nametoindex(name) if name else 0


def body(sequence, size):
    start = sequence % 256
    return FILL[start:start + size]
