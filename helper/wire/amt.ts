// Automatic Multicast Tunneling, RFC 7450: the seven messages between a gateway and a relay. What they carry (IGMP, MLD,
// multicast) is a whole IP packet and left as it is.
import { addressBytes, addressText, type Address, type Family, family } from "#wire/address.ts";
import { DecodeError, Reader, Writer } from "#wire/cursor.ts";

export const AMT_PORT = 2268; // RFC 7450 section 7.2
export const RESPONSE_MAC_LENGTH = 6;
/** What multicast costs more on the way from a relay, IP and UDP headers included. */
export const AMT_OVERHEAD: Readonly<Record<Family, number>> = { 4: 30, 6: 50 };

/** RFC 7450 section 5.1. */
export const AmtType = {
  RELAY_DISCOVERY: 1,
  RELAY_ADVERTISEMENT: 2,
  REQUEST: 3,
  MEMBERSHIP_QUERY: 4,
  MEMBERSHIP_UPDATE: 5,
  MULTICAST_DATA: 6,
  TEARDOWN: 7,
} as const;

/** Where a gateway sends from, as its relay sees it. */
export interface AmtEndpoint {
  readonly address: Address;
  readonly port: number;
}

export interface AmtRequest {
  readonly kind: "request";
  readonly nonce: number;
  /** The query that is wanted: IGMPv3 (4) or MLDv2 (6). */
  readonly family: Family;
  /**
   * The flag's place: the RFC's lowest bit, or the highest one, where Linux' relay looks for it and which it does not
   * take for a reserved bit. Without meaning where `family` is 4.
   */
  readonly flag: "rfc" | "linux";
  /** E (RFC 9601 section 6.1.4): the gateway takes over congestion marks of the outer header. */
  readonly ecn?: boolean;
}

export interface AmtMembershipQuery {
  readonly kind: "membership-query";
  /** A view of 6 bytes. */
  readonly mac: Uint8Array;
  readonly nonce: number;
  /** L: the relay takes no new gateways. */
  readonly full: boolean;
  /** A general query, IP header and all. */
  readonly packet: Uint8Array;
  /** G: where the relay sees the gateway. */
  readonly gateway: AmtEndpoint | undefined;
}

export interface AmtMembershipUpdate {
  readonly kind: "membership-update";
  readonly mac: Uint8Array;
  readonly nonce: number;
  /** A membership report, IP header and all. */
  readonly packet: Uint8Array;
}

export type AmtMessage =
  | { readonly kind: "relay-discovery"; readonly nonce: number }
  | { readonly kind: "relay-advertisement"; readonly nonce: number; readonly relay: Address }
  | AmtRequest
  | AmtMembershipQuery
  | AmtMembershipUpdate
  | { readonly kind: "multicast-data"; readonly packet: Uint8Array }
  | {
      readonly kind: "teardown";
      readonly mac: Uint8Array;
      readonly nonce: number;
      /** The endpoint that was the gateway's when the MAC was made. */
      readonly gateway: AmtEndpoint;
    };

const P_FLAG = 0x01;
const P_FLAG_LINUX = 0x80;
const E_FLAG = 0x02;
const L_FLAG = 0x02;
const G_FLAG = 0x01;
const GATEWAY_FIELDS_LENGTH = 18;
const TEARDOWN_LENGTH = 30;

/**
 * A datagram of AMT's port. Views, not copies. Reserved bits are ignored (section 5.1), and so is what lies behind a
 * Request or a Discovery: VLC's Request has nine bytes. Throws DecodeError.
 */
export function decodeAmt(bytes: Uint8Array): AmtMessage {
  const reader = new Reader(bytes);
  const first = reader.u8("version and type");
  if (first >> 4 !== 0) throw new DecodeError("AMT version", first >> 4, 0);
  switch (first & 0x0f) {
    case AmtType.RELAY_DISCOVERY:
      reader.skip(3, "reserved");
      return { kind: "relay-discovery", nonce: reader.u32("discovery nonce") };
    case AmtType.RELAY_ADVERTISEMENT:
      return decodeAdvertisement(reader);
    case AmtType.REQUEST: {
      const flags = reader.u8("flags");
      reader.skip(2, "reserved");
      const isLinux = (flags & P_FLAG_LINUX) !== 0;
      return {
        kind: "request",
        nonce: reader.u32("request nonce"),
        family: (flags & P_FLAG) !== 0 || isLinux ? 6 : 4,
        flag: isLinux ? "linux" : "rfc",
        ...((flags & E_FLAG) !== 0 && { ecn: true }),
      };
    }
    case AmtType.MEMBERSHIP_QUERY:
      return decodeQuery(reader);
    case AmtType.MEMBERSHIP_UPDATE: {
      reader.skip(1, "reserved");
      const mac = reader.take(RESPONSE_MAC_LENGTH, "response MAC");
      return {
        kind: "membership-update",
        mac,
        nonce: reader.u32("request nonce"),
        packet: wholePacket(reader),
      };
    }
    case AmtType.MULTICAST_DATA:
      reader.skip(1, "reserved");
      return { kind: "multicast-data", packet: wholePacket(reader) };
    case AmtType.TEARDOWN: {
      reader.skip(1, "reserved");
      const mac = reader.take(RESPONSE_MAC_LENGTH, "response MAC");
      const nonce = reader.u32("request nonce");
      const gateway = readEndpoint(reader);
      reader.end("teardown");
      return { kind: "teardown", mac, nonce, gateway };
    }
    default:
      throw new DecodeError("AMT type", first & 0x0f, AmtType.TEARDOWN);
  }
}

/** Throws EncodeError where a field does not fit. */
export function encodeAmt(message: AmtMessage): Uint8Array {
  switch (message.kind) {
    case "relay-discovery":
      return begin(AmtType.RELAY_DISCOVERY, 8)
        .zeros(3, "reserved")
        .u32(message.nonce, "discovery nonce")
        .done();
    case "relay-advertisement": {
      const length = family(message.relay) === 4 ? 4 : 16;
      return begin(AmtType.RELAY_ADVERTISEMENT, 8 + length)
        .zeros(3, "reserved")
        .u32(message.nonce, "discovery nonce")
        .address(message.relay, length, "relay address")
        .done();
    }
    case "request": {
      const flag = message.flag === "linux" ? P_FLAG_LINUX : P_FLAG;
      return begin(AmtType.REQUEST, 8)
        .u8((message.family === 6 ? flag : 0) | (message.ecn === true ? E_FLAG : 0), "flags")
        .zeros(2, "reserved")
        .u32(message.nonce, "request nonce")
        .done();
    }
    case "membership-query": {
      const { gateway, packet } = message;
      const writer = begin(AmtType.MEMBERSHIP_QUERY, 12 + packet.length + GATEWAY_FIELDS_LENGTH)
        .u8((message.full ? L_FLAG : 0) | (gateway ? G_FLAG : 0), "flags")
        .bytes(message.mac, "response MAC")
        .u32(message.nonce, "request nonce")
        .bytes(packet, "query");
      return (gateway ? writeEndpoint(writer, gateway) : writer).done();
    }
    case "membership-update":
      return begin(AmtType.MEMBERSHIP_UPDATE, 12 + message.packet.length)
        .zeros(1, "reserved")
        .bytes(message.mac, "response MAC")
        .u32(message.nonce, "request nonce")
        .bytes(message.packet, "report")
        .done();
    case "multicast-data":
      return begin(AmtType.MULTICAST_DATA, 2 + message.packet.length)
        .zeros(1, "reserved")
        .bytes(message.packet, "packet")
        .done();
    case "teardown": {
      const writer = begin(AmtType.TEARDOWN, TEARDOWN_LENGTH)
        .zeros(1, "reserved")
        .bytes(message.mac, "response MAC")
        .u32(message.nonce, "request nonce");
      return writeEndpoint(writer, message.gateway).done();
    }
  }
}

function begin(type: number, capacity: number): Writer {
  return new Writer(capacity).u8(type, "version and type");
}

function decodeAdvertisement(reader: Reader): AmtMessage {
  reader.skip(3, "reserved");
  const nonce = reader.u32("discovery nonce");
  // Section 5.1.2.4: the length tells the family.
  const length = reader.remaining;
  if (length !== 4 && length !== 16)
    throw new DecodeError("length of the relay's address", length, "4 or 16");
  return { kind: "relay-advertisement", nonce, relay: reader.address(length, "relay address") };
}

function decodeQuery(reader: Reader): AmtMembershipQuery {
  const flags = reader.u8("flags");
  const mac = reader.take(RESPONSE_MAC_LENGTH, "response MAC");
  const nonce = reader.u32("request nonce");
  const hasGateway = (flags & G_FLAG) !== 0;
  const packet = reader.take(reader.remaining - (hasGateway ? GATEWAY_FIELDS_LENGTH : 0), "query");
  checkWhole(packet);
  const gateway = hasGateway ? readEndpoint(reader) : undefined;
  return { kind: "membership-query", mac, nonce, full: (flags & L_FLAG) !== 0, packet, gateway };
}

function wholePacket(reader: Reader): Uint8Array {
  const packet = reader.rest();
  checkWhole(packet);
  return packet;
}

/** That it is one IP packet from its first byte to its last. */
function checkWhole(packet: Uint8Array): void {
  const reader = new Reader(packet);
  const version = reader.u8("IP version") >> 4;
  if (version !== 4 && version !== 6) throw new DecodeError("IP version", version, "4 or 6");
  reader.skip(version === 4 ? 1 : 3, "IP header");
  const length = reader.u16("IP length") + (version === 4 ? 0 : 40);
  if (length !== packet.length) throw new DecodeError("IP length", length, packet.length);
}

const IPV4_AS_IPV6 = new Uint8Array(12); // section 5.1.4.9: "::192.0.2.1"

function readEndpoint(reader: Reader): AmtEndpoint {
  const port = reader.u16("gateway port");
  const bytes = reader.take(16, "gateway address");
  const isIpv4 = bytes.subarray(0, 12).every((byte) => byte === 0) && bytes[12] !== 0;
  return { port, address: addressText(isIpv4 ? bytes.subarray(12) : bytes) };
}

function writeEndpoint(writer: Writer, { address, port }: AmtEndpoint): Writer {
  const bytes = addressBytes(address);
  writer.u16(port, "gateway port");
  return (bytes.length === 4 ? writer.bytes(IPV4_AS_IPV6, "gateway address") : writer).bytes(
    bytes,
    "gateway address",
  );
}
