"""An AMT relay (RFC 7450) for tests, written from the format alone: it takes multicast off an interface and sends it to
the gateways that asked for it. What it does, and what it is told, are lines of JSON.

relay.py ADDRESS INTERFACE [--advertise ADDRESS] [--qqic SECONDS] [--tell] [--silent] [--full]
  --tell    Queries say where the gateway is seen (G)
  --silent  answers no Discovery
  --full    takes nobody (L)
Commands on standard input: {"do": "report"}, {"do": "attack"}, {"do": "data", "source": ..., "group": ...}
"""

import argparse, hashlib, hmac, ipaddress, json, os, select, socket, struct, sys

PORT = 2268
DISCOVERY, ADVERTISEMENT, REQUEST, QUERY, UPDATE, DATA, TEARDOWN = range(1, 8)
SO_NO_CHECK, PACKET_OUTGOING = 11, 4

parser = argparse.ArgumentParser()
parser.add_argument("address")
parser.add_argument("interface")
parser.add_argument("--advertise")
parser.add_argument("--qqic", type=int, default=125)
parser.add_argument("--tell", action="store_true")
parser.add_argument("--silent", action="store_true")
parser.add_argument("--full", action="store_true")
options = parser.parse_args()
own = ipaddress.ip_address(options.address)
family = socket.AF_INET if own.version == 4 else socket.AF_INET6
secret = os.urandom(16)
gateways = {}  # (address, port): {group: (include?, {sources})}
seen = {"discoveries": 0, "requests": [], "updates": [], "teardowns": [], "forged": 0, "sent": 0, "nonces": []}


def say(**line):
    print(json.dumps(line), flush=True)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac(address, port, nonce):
    text = ("%s %d %d" % (address, port, nonce)).encode()
    return hmac.new(secret, text, hashlib.sha256).digest()[:6]


def igmp_query():
    igmp = struct.pack("!BBH4sBBH", 0x11, 100, 0, bytes(4), 2, options.qqic, 0)
    igmp = igmp[:2] + struct.pack("!H", checksum(igmp)) + igmp[4:]
    source = own.packed if own.version == 4 else bytes(4)
    header = struct.pack("!BBHHHBBH4s4s", 0x46, 0xC0, 24 + len(igmp), 0, 0, 1, 2, 0, source, bytes([224, 0, 0, 1]))
    header += b"\x94\x04\0\0"  # router alert
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + igmp


def mld_query():
    source = ipaddress.ip_address("fe80::1").packed
    group = ipaddress.ip_address("ff02::1").packed
    mld = struct.pack("!BBHHH16sBBH", 130, 0, 0, 10_000, 0, bytes(16), 2, options.qqic, 0)
    pseudo = source + group + struct.pack("!IHBB", len(mld), 0, 0, 58)
    mld = mld[:2] + struct.pack("!H", checksum(pseudo + mld)) + mld[4:]
    alert = b"\x3a\0\x05\x02\0\0\x01\0"
    return struct.pack("!IHBB", 6 << 28, len(alert) + len(mld), 0, 1) + source + group + alert + mld


def records(packet):
    """The group records of an IGMPv3 or MLDv2 report."""
    if packet[0] >> 4 == 4:
        body, size, kind = packet[(packet[0] & 15) * 4 :], 4, 0x22
    else:
        body, size, kind = packet[40:], 16, 143
        if packet[6] == 0:
            body = body[(body[1] + 1) * 8 :]
    if body[0] != kind:
        return
    at = 8
    for _ in range(struct.unpack("!H", body[6:8])[0]):
        what, auxiliary, count = struct.unpack("!BBH", body[at : at + 4])
        at += 4
        group = str(ipaddress.ip_address(body[at : at + size]))
        at += size
        sources = {str(ipaddress.ip_address(body[at + i * size : at + (i + 1) * size])) for i in range(count)}
        at += count * size + auxiliary * 4
        yield what, group, sources


def update(gateway, packet):
    wanted = gateways.setdefault(gateway, {})
    for what, group, sources in records(packet):
        include, held = wanted.get(group, (True, set()))
        if what in (1, 3):
            wanted[group] = (True, sources)
        elif what in (2, 4):
            wanted[group] = (False, sources)
        elif what == 5:
            wanted[group] = (include, held | sources if include else held - sources)
        elif what == 6:
            wanted[group] = (include, held - sources if include else held | sources)
        if wanted[group] == (True, set()):
            del wanted[group]
        seen["updates"].append([what, group, sorted(sources)])
    if not wanted:
        del gateways[gateway]


def mapped(address):
    """As the Teardown and the Query have it: IPv4 behind twelve zeros."""
    packed = ipaddress.ip_address(address).packed
    return bytes(16 - len(packed)) + packed


def unmapped(packed):
    return str(ipaddress.ip_address(packed[12:] if packed[:12] == bytes(12) and packed[12] else packed))


def message(data, gateway):
    address, port = gateway
    kind = data[0] & 15
    if kind == DISCOVERY:
        seen["discoveries"] += 1
        named = ipaddress.ip_address(options.advertise or options.address).packed
        if not options.silent:
            control.sendto(bytes([ADVERTISEMENT, 0, 0, 0]) + data[4:8] + named, gateway)
    elif kind == REQUEST:
        nonce = struct.unpack("!I", data[4:8])[0]
        v6 = data[1] & 1
        seen["requests"].append(["mld" if v6 else "igmp", port])
        flags = (2 if options.full else 0) | (1 if options.tell else 0)
        head = bytes([QUERY, flags]) + mac(address, port, nonce) + data[4:8]
        tail = struct.pack("!H", port) + mapped(address) if options.tell else b""
        control.sendto(head + (mld_query() if v6 else igmp_query()) + tail, gateway)
        seen["last"] = [list(gateway), nonce]
    elif kind == UPDATE:
        nonce = struct.unpack("!I", data[8:12])[0]
        if data[2:8] != mac(address, port, nonce):
            seen["forged"] += 1
        else:
            update(gateway, data[12:])
    elif kind == TEARDOWN:
        nonce, of_port = struct.unpack("!IH", data[8:14])
        of = unmapped(data[14:30])
        if data[2:8] != mac(of, of_port, nonce):
            seen["forged"] += 1
        else:
            seen["teardowns"].append([of, of_port])
            gateways.pop((of, of_port), None)


def forward(packet):
    four = packet[0] >> 4 == 4
    group = str(ipaddress.ip_address(packet[16:20] if four else packet[24:40]))
    source = str(ipaddress.ip_address(packet[12:16] if four else packet[8:24]))
    for gateway, wanted in gateways.items():
        include, sources = wanted.get(group, (True, set()))
        if (source in sources) == include:
            try:
                plain.sendto(bytes([DATA, 0]) + packet, gateway)
                seen["sent"] += 1
            except OSError:
                pass


def udp_packet(source, group, payload=b"not asked for", ttl=8, port=5004):
    source, group = ipaddress.ip_address(source).packed, ipaddress.ip_address(group).packed
    udp = struct.pack("!HHHH", 4000, port, 8 + len(payload), 0) + payload
    if len(source) == 4:
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, ttl, 17, 0, source, group)
        return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + udp
    pseudo = source + group + struct.pack("!IHBB", len(udp), 0, 0, 17)
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp)) + udp[8:]
    return struct.pack("!IHBB", 6 << 28, len(udp), 17, ttl) + source + group + udp


def attack(source, group):
    """What no honest relay sends, to every gateway that is known: how many of each."""
    good = udp_packet(source, group)
    other = socket.socket(family, socket.SOCK_DGRAM)
    counts = {}

    def send(what, data, times=10, by=plain):
        counts[what] = counts.get(what, 0) + times
        for _ in range(times):
            by.sendto(data, gateway)

    for gateway in list(gateways):
        send("other-port", bytes([DATA, 0]) + good, by=other)
        send("not-joined", bytes([DATA, 0]) + udp_packet(source, "232.66.66.66"))
        send("not-joined", bytes([DATA, 0]) + udp_packet("203.0.113.77", group))
        send("scope", bytes([DATA, 0]) + udp_packet(source, "224.0.0.5"))
        send("scope", bytes([DATA, 0]) + igmp_query())
        send("bad-source", bytes([DATA, 0]) + udp_packet("127.0.0.1", group))
        send("malformed", bytes([DATA, 0]) + good[:-1])  # shorter than it says
        send("malformed", bytes([DATA, 0]) + good + b"x" * 9)  # longer
        send("malformed", bytes([DATA, 0]) + b"\x55" + good[1:])  # no IP version
        send("malformed", bytes([DATA, 0]) + good[:10] + b"\0\0" + good[12:])  # header checksum
        send("malformed", bytes([DATA, 0]) + udp_packet(source, "192.0.2.9"))  # no group
        send("malformed", bytes([DATA]))
        send("malformed", bytes([DATA, 0]) + b"\x45" * 9_000)  # too long for its header
        nonce = struct.pack("!I", 0x5EED5EED)
        send("wrong-nonce", bytes([QUERY, 0]) + bytes(6) + nonce + igmp_query(), 3)
        send("wrong-nonce", bytes([ADVERTISEMENT, 0, 0, 0]) + nonce + own.packed, 3)
        send("not-from-relay", bytes([QUERY, 0]) + bytes(6) + nonce + igmp_query(), 3, by=other)
        send("unexpected", bytes([REQUEST, 0, 0, 0]) + nonce, 3)
        send("garbage", bytes([QUERY, 0]) + bytes(6) + nonce + os.urandom(40), 3)
        send("garbage", os.urandom(300).replace(b"\6", b"\7"), 3)
        send("garbage", bytes([0x16, 0]) + good, 3)  # version 1
        send("garbage", bytes([QUERY]), 1)
    say(event="attacked", counts=counts)


def command(line):
    order = json.loads(line)
    if order["do"] == "report":
        held = {"%s %d" % gateway: sorted(wanted) for gateway, wanted in gateways.items()}
        say(event="report", gateways=held, **seen)
    elif order["do"] == "attack":
        attack(order["source"], order["group"])


control = socket.socket(family, socket.SOCK_DGRAM)
control.bind((options.address, PORT))
plain = control
studio = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
studio.bind((options.interface, 3))
say(event="ready")
pending = b""
while True:
    readable, _, _ = select.select([control, studio, sys.stdin.buffer.raw], [], [])
    if control in readable:
        data, where = control.recvfrom(65_536)
        if len(data) >= 8:
            message(data, (where[0], where[1]))
    if studio in readable:
        packet, where = studio.recvfrom(65_536)
        first = packet[16] >> 4 == 0xE if packet[0] >> 4 == 4 else packet[24] == 0xFF
        if where[2] == PACKET_OUTGOING and where[1] in (0x0800, 0x86DD) and first:
            forward(packet)
    if sys.stdin.buffer.raw in readable:
        more = os.read(0, 65_536)
        if not more:
            break
        pending += more
        *lines, pending = pending.split(b"\n")
        for line in lines:
            command(line)
