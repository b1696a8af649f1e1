// Plain sockets and packets, the way an application would see them, for the edge's tests.
import { addressBytes, family } from "#wire/address.ts";
import {
  AF_INET,
  AF_INET6,
  AF_PACKET,
  ETH_P_ALL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  POLLIN,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from "#edge/linux/constants.ts";
import { bind, close, poll, recv, sendto, setsockopt, socket } from "#edge/linux/libc.ts";
import { packetAddress, socketAddress } from "#edge/linux/sockaddr.ts";
import { setOption } from "#edge/linux/socket-options.ts";
import { checked } from "#edge/linux/system-error.ts";

const MCAST_JOIN_GROUP = 42;
const MCAST_JOIN_SOURCE_GROUP = 46;
export const PORT = 5004;

/** Everything that waits on a descriptor; `wait` ms for the first one, 50 ms for each further one. */
export function drain(fd: number, wait = 300): Buffer[] {
  const received: Buffer[] = [];
  const pollfd = Buffer.alloc(8);
  const buffer = Buffer.alloc(65_600);
  for (;;) {
    pollfd.writeInt32LE(fd, 0);
    pollfd.writeInt16LE(POLLIN, 4);
    if (poll(pollfd, 1, received.length === 0 ? wait : 50) <= 0) return received;
    const length = recv(fd, buffer, buffer.length, 0);
    if (length < 0) return received;
    received.push(Buffer.from(buffer.subarray(0, length)));
  }
}

export interface ListenerOptions {
  readonly interfaceIndex?: number; // 0: the kernel's choice
  readonly source?: string; // source-specific
  readonly port?: number;
}

/** An application: a UDP socket that has joined `group`. Returns its descriptor. */
export function listener(group: string, options: ListenerOptions = {}): number {
  const v4 = family(group) === 4;
  const level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
  const fd = checked("socket", socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  const any = socketAddress(v4 ? "0.0.0.0" : "::", options.port ?? PORT);
  checked("bind", bind(fd, any, any.length));
  const { source, interfaceIndex = 0 } = options;
  const request = Buffer.alloc(source === undefined ? 136 : 264);
  request.writeUInt32LE(interfaceIndex, 0);
  request.set(socketAddress(group, 0), 8);
  if (source !== undefined) request.set(socketAddress(source, 0), 136);
  const option = source === undefined ? MCAST_JOIN_GROUP : MCAST_JOIN_SOURCE_GROUP;
  checked(`join ${group}`, setsockopt(fd, level, option, request, request.length));
  return fd;
}

/** Everything on an interface's wire, whatever it is: what tcpdump would see. */
export function sniffer(interfaceIndex: number): number {
  const fd = checked("packet socket", socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const address = packetAddress(ETH_P_ALL, interfaceIndex);
  checked("bind", bind(fd, address, address.length));
  return fd;
}

/** Sends a datagram from a fresh socket; the kernel chooses the interface, or IP(V6)_MULTICAST_IF does. */
export function sendDatagram(
  group: string,
  payload: string | Uint8Array,
  interfaceIndex = 0,
  port = PORT,
): void {
  const v4 = family(group) === 4;
  const fd = checked("socket", socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0));
  try {
    if (interfaceIndex !== 0 && v4) {
      const mreqn = Buffer.alloc(12);
      mreqn.writeInt32LE(interfaceIndex, 8);
      checked("IP_MULTICAST_IF", setsockopt(fd, IPPROTO_IP, 32, mreqn, mreqn.length));
    } else if (interfaceIndex !== 0) setOption(fd, IPPROTO_IPV6, 17, interfaceIndex, "IPV6_MULTICAST_IF");
    const bytes = Buffer.from(payload);
    const to = socketAddress(group, port);
    checked(`send to ${group}`, sendto(fd, bytes, bytes.length, 0, to, to.length));
  } finally {
    close(fd);
  }
}

function sum16(parts: readonly Uint8Array[]): number {
  const bytes = Buffer.concat(parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export interface PacketOptions {
  readonly ttl?: number;
  readonly port?: number;
}

/** A whole IP packet with a UDP datagram in it. */
export function udpPacket(
  source: string,
  group: string,
  payload: Uint8Array,
  options: PacketOptions = {},
): Buffer {
  const { ttl = 16, port = PORT } = options;
  const [from, to] = [addressBytes(source), addressBytes(group)];
  const udp = Buffer.alloc(8 + payload.length);
  udp.writeUInt16BE(40_000, 0);
  udp.writeUInt16BE(port, 2);
  udp.writeUInt16BE(udp.length, 4);
  udp.set(payload, 8);
  udp.writeUInt16BE(sum16([from, to, Buffer.of(0, 17, udp.length >> 8, udp.length & 255), udp]), 6);
  if (from.length === 4) {
    const header = Buffer.alloc(20);
    header[0] = 0x45;
    header.writeUInt16BE(20 + udp.length, 2);
    header[8] = ttl;
    header[9] = 17;
    header.set(from, 12);
    header.set(to, 16);
    header.writeUInt16BE(sum16([header]), 10);
    return Buffer.concat([header, udp]);
  }
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(udp.length, 4);
  header[6] = 17;
  header[7] = ttl;
  header.set(from, 8);
  header.set(to, 24);
  return Buffer.concat([header, udp]);
}

/** Of frames (behind `skip` bytes, such as a virtio header): the payloads of the UDP datagrams to `port`. */
export function payloads(frames: readonly Buffer[], skip = 0, port = PORT): Buffer[] {
  const found: Buffer[] = [];
  for (const frame of frames) {
    const packet = frame.subarray(skip + 14);
    const v4 = frame.readUInt16BE(skip + 12) === 0x0800;
    const udp = packet.subarray(v4 ? (packet[0]! & 15) * 4 : 40);
    const isUdp = packet[v4 ? 9 : 6] === 17 && udp.length >= 8;
    if (isUdp && udp.readUInt16BE(2) === port) found.push(udp.subarray(8));
  }
  return found;
}
