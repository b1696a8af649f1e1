// What may pass between a client and its server, by the packet's addresses.
import { halfAt } from "./assignments.ts";
import type { SixDrop } from "./counters.ts";

const SOURCE = 8;
const DESTINATION = 24;
/** RFC 4291 section 2.7: interface-local and link-local scope. */
const LINK_SCOPE = 2;

export type Passage = "unicast" | "multicast" | "link-multicast" | SixDrop;

/** `half`: the first 64 bits of the client's addresses. `packet`: a whole IPv6 packet. */
export function fromClient(packet: Uint8Array, half: bigint): Passage {
  const multicast = packet[DESTINATION] === 0xff;
  const onLink = isLinkLocal(packet, SOURCE) || isUnspecified(packet, SOURCE);
  // What its system says to its routers, memberships above all, comes from addresses of the link.
  if (isLinkMulticast(packet))
    return onLink || halfAt(packet, SOURCE) === half ? "link-multicast" : "foreign-source";
  if (halfAt(packet, SOURCE) !== half) return onLink ? "link-local" : "foreign-source";
  if (multicast) return "multicast";
  if (isLinkLocal(packet, DESTINATION)) return "link-local";
  return halfAt(packet, DESTINATION) === half ? "foreign-destination" : "unicast";
}

/** From the server, which sends for everybody: it is the destination that must be this client's. */
export function fromServer(packet: Uint8Array, half: bigint): Passage {
  if (packet[SOURCE] === 0xff) return "foreign-source";
  if (packet[DESTINATION] === 0xff) return isLinkMulticast(packet) ? "link-multicast" : "multicast";
  if (isLinkLocal(packet, SOURCE) || isLinkLocal(packet, DESTINATION)) return "link-local";
  return halfAt(packet, DESTINATION) === half ? "unicast" : "foreign-destination";
}

/** The first 64 bits of where a packet goes. */
export function destinationHalf(packet: Uint8Array): bigint {
  return halfAt(packet, DESTINATION);
}

export function isMulticastPacket(packet: Uint8Array): boolean {
  return packet[DESTINATION] === 0xff;
}

/** To a group that never leaves its link. */
export function isLinkMulticast(packet: Uint8Array): boolean {
  return packet[DESTINATION] === 0xff && (packet[DESTINATION + 1]! & 0xf) <= LINK_SCOPE;
}

/** A whole IPv6 packet, and nothing behind it? */
export function isIpv6(packet: Uint8Array): boolean {
  return (
    packet.length >= 40 && packet[0]! >> 4 === 6 && packet.length === 40 + ((packet[4]! << 8) | packet[5]!)
  );
}

function isLinkLocal(packet: Uint8Array, offset: number): boolean {
  return packet[offset] === 0xfe && (packet[offset + 1]! & 0xc0) === 0x80;
}

function isUnspecified(packet: Uint8Array, offset: number): boolean {
  for (let i = 0; i < 16; i++) if (packet[offset + i] !== 0) return false;
  return true;
}
