import { readSync } from "node:fs";
import type { WatchStream } from "#ports/stream-watch.ts";
import { addressBytes, type Address } from "#wire/address.ts";
import { attachFilter } from "./attach-filter.ts";
import { assemble, SKF_AD_PKTTYPE, type Instruction } from "./bpf.ts";
import {
  AF_PACKET,
  ETH_P_IP,
  ETH_P_IPV6,
  SO_RCVBUF,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from "./constants.ts";
import { bind, close, socket } from "./libc.ts";
import { packetAddress } from "./sockaddr.ts";
import { setOption } from "./socket-options.ts";
import { checked } from "./system-error.ts";

/** linux/if_packet.h: what others sent, to us, to all, to a group. Above: for others, sent by us, looped back. */
const PACKET_MULTICAST = 2;
const ETHERNET = 14;
/** A few packets are as good as many: the kernel makes the least of it. */
const BUFFER = 4_096;

export const watchStream: WatchStream = (interfaceIndex, source, group) => {
  const fd = checked("packet socket", socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  try {
    attachFilter(fd, streamFilter(source, group));
    setOption(fd, SOL_SOCKET, SO_RCVBUF, BUFFER, "SO_RCVBUF");
    const address = packetAddress(group.includes(":") ? ETH_P_IPV6 : ETH_P_IP, interfaceIndex);
    checked(`bind to interface ${interfaceIndex}`, bind(fd, address, address.length));
  } catch (error) {
    close(fd);
    throw error;
  }
  const byte = new Uint8Array(1);
  return {
    seen: () => {
      let count = 0;
      try {
        while (readSync(fd, byte) > 0) count++;
      } catch {
        // EAGAIN: no more of them. Any other error is of an interface that brings nothing.
      }
      return count > 0;
    },
    close: () => void close(fd),
  };
};

/** One byte of each packet from the source to the group. */
export function streamFilter(source: Address, group: Address): Buffer {
  const isIpv6 = group.includes(":");
  const [sourceAt, groupAt] = isIpv6 ? [8, 24] : [12, 16];
  const same = (address: Address, at: number): Instruction[] => {
    const bytes = Buffer.from(addressBytes(address));
    return Array.from({ length: bytes.length / 4 }, (_, i): Instruction[] => [
      { op: "load-word", at: ETHERNET + at + 4 * i },
      { op: "jump-equal", value: bytes.readUInt32BE(4 * i), no: "drop" },
    ]).flat();
  };
  return assemble([
    ...same(group, groupAt),
    ...same(source, sourceAt),
    { op: "load-byte", at: SKF_AD_PKTTYPE },
    { op: "jump-greater", value: PACKET_MULTICAST, yes: "drop" },
    { op: "return", value: 1 },
    { op: "label", name: "drop" },
    { op: "return", value: 0 },
  ]);
}
