import { DecodeError, EncodeError, Reader, Writer } from "#wire/cursor.ts";

// The frame by which members of a network find each other on a LAN: the payload of an Ethernet frame. It names
// every network that its sender carries there, each entry with a MAC of its own, since each has its own secret.
//
//   u32 magic "CWwB" | u8 version | u8 number of entries | u16 priority | 8 member id | 6 interface | u16 zero |
//   u64 sequence | entries: 8 network tag | u8 flags | 16 MAC over the header, tag and flags

const MAGIC = 0x43577742;
const VERSION = 1;
const HEADER_LENGTH = 32;
export const MEMBER_ID_LENGTH = 8;
export const INTERFACE_LENGTH = 6;
export const NETWORK_TAG_LENGTH = 8;
export const BEACON_MAC_LENGTH = 16;
export const MAX_BEACON_NETWORKS = 16;

const FLAG_FORWARDING = 1;
const FLAG_LEAVING = 2;

export interface Beacon {
  readonly priority: number; // u16, the lower is preferred
  readonly memberId: Uint8Array;
  /** MAC address of the sending interface as its host knows it: one host may be on a LAN twice. */
  readonly interface: Uint8Array;
  readonly sequence: bigint; // u64, grows from beacon to beacon and over restarts
  readonly networks: readonly BeaconNetwork[];
}

export interface BeaconNetwork {
  readonly tag: Uint8Array;
  /** The sender forwards for this network here. */
  readonly forwarding: boolean;
  /** The sender stops: its last beacon for this network. */
  readonly leaving: boolean;
  readonly mac: Uint8Array; // zeros where the sender knows no secret
}

/** Throws DecodeError. Bytes behind the last entry are Ethernet's padding. */
export function decodeBeacon(bytes: Uint8Array): Beacon {
  const reader = new Reader(bytes);
  const magic = reader.u32("beacon magic");
  if (magic !== MAGIC) throw new DecodeError("beacon magic", magic, MAGIC);
  const version = reader.u8("beacon version");
  if (version !== VERSION) throw new DecodeError("beacon version", version, VERSION);
  const count = reader.u8("beacon networks");
  if (count > MAX_BEACON_NETWORKS) throw new DecodeError("beacon networks", count, MAX_BEACON_NETWORKS);
  const priority = reader.u16("beacon priority");
  const memberId = reader.take(MEMBER_ID_LENGTH, "beacon member id").slice();
  const ofInterface = reader.take(INTERFACE_LENGTH, "beacon interface").slice();
  const reserved = reader.u16("beacon reserved");
  if (reserved !== 0) throw new DecodeError("beacon reserved", reserved, 0);
  const sequence = reader.u64("beacon sequence");
  const networks = Array.from({ length: count }, (): BeaconNetwork => {
    const tag = reader.take(NETWORK_TAG_LENGTH, "beacon network tag").slice();
    const flags = reader.u8("beacon flags");
    if (flags > (FLAG_FORWARDING | FLAG_LEAVING)) throw new DecodeError("beacon flags", flags, 3);
    const mac = reader.take(BEACON_MAC_LENGTH, "beacon MAC").slice();
    return { tag, forwarding: (flags & FLAG_FORWARDING) !== 0, leaving: (flags & FLAG_LEAVING) !== 0, mac };
  });
  return { priority, memberId, interface: ofInterface, sequence, networks };
}

/** Throws EncodeError. */
export function encodeBeacon(beacon: Beacon): Uint8Array {
  const { networks } = beacon;
  const entryLength = NETWORK_TAG_LENGTH + 1 + BEACON_MAC_LENGTH;
  const writer = new Writer(HEADER_LENGTH + networks.length * entryLength);
  writeHeader(writer, beacon);
  for (const network of networks) {
    writeEntry(writer, network);
    writer.bytes(exactly(network.mac, BEACON_MAC_LENGTH, "beacon MAC"), "beacon MAC");
  }
  return writer.done();
}

/** What an entry's MAC is made over: the header of its beacon, its tag and flags. */
export function beaconMacInput(beacon: Beacon, network: Omit<BeaconNetwork, "mac">): Uint8Array {
  const writer = new Writer(HEADER_LENGTH + NETWORK_TAG_LENGTH + 1);
  writeHeader(writer, beacon);
  writeEntry(writer, network);
  return writer.done();
}

function writeHeader(writer: Writer, beacon: Beacon): void {
  const { networks, priority, memberId, sequence } = beacon;
  if (networks.length > MAX_BEACON_NETWORKS)
    throw new EncodeError("beacon networks", networks.length, MAX_BEACON_NETWORKS);
  writer
    .u32(MAGIC, "beacon magic")
    .u8(VERSION, "beacon version")
    .u8(networks.length, "beacon networks")
    .u16(priority, "beacon priority")
    .bytes(exactly(memberId, MEMBER_ID_LENGTH, "beacon member id"), "beacon member id")
    .bytes(exactly(beacon.interface, INTERFACE_LENGTH, "beacon interface"), "beacon interface")
    .u16(0, "beacon reserved")
    .u64(sequence, "beacon sequence");
}

function writeEntry(writer: Writer, network: Omit<BeaconNetwork, "mac">): void {
  writer
    .bytes(exactly(network.tag, NETWORK_TAG_LENGTH, "beacon network tag"), "beacon network tag")
    .u8((network.forwarding ? FLAG_FORWARDING : 0) | (network.leaving ? FLAG_LEAVING : 0), "beacon flags");
}

function exactly(bytes: Uint8Array, length: number, field: string): Uint8Array {
  if (bytes.length !== length) throw new EncodeError(field, bytes.length, length);
  return bytes;
}
