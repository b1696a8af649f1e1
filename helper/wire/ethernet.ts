import { addressBytes, isMulticast, type Address } from "#wire/address.ts";
import { DecodeError, EncodeError, inRange, Reader, Writer } from "#wire/cursor.ts";

export const EtherType = { IPV4: 0x0800, ARP: 0x0806, VLAN: 0x8100, IPV6: 0x86dd } as const;

/** The tag of IEEE 802.1Q section 9.6. */
export interface VlanTag {
  readonly id: number;
  readonly priority: number;
  readonly dropEligible: boolean;
}

/** An Ethernet II frame, with a VLAN tag or without, and without the frame check sequence. */
export interface EthernetFrame {
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  readonly vlan: VlanTag | undefined;
  /** Of the payload: never that of the tag. A second tag stays in the payload, with its own type here. */
  readonly etherType: number;
  /** A view of the input, with the padding of short frames in it: the IP length says where it ends. */
  readonly payload: Uint8Array;
}

const MAC_LENGTH = 6;
const MIN_ETHER_TYPE = 0x0600; // below, the field is an 802.3 length

/** The group's MAC address: RFC 1112 section 6.4 and RFC 2464 section 7. Throws EncodeError for a unicast address. */
export function multicastMac(group: Address): Uint8Array {
  if (!isMulticast(group)) throw new EncodeError("multicast MAC address", group, "a multicast address");
  const bytes = addressBytes(group);
  if (bytes.length === 4) return Uint8Array.of(0x01, 0x00, 0x5e, bytes[1]! & 0x7f, bytes[2]!, bytes[3]!);
  return Uint8Array.of(0x33, 0x33, ...bytes.subarray(12));
}

/** Throws DecodeError; 802.3 frames with a length in place of the type are refused. */
export function decodeEthernet(bytes: Uint8Array): EthernetFrame {
  const reader = new Reader(bytes);
  const destination = reader.take(MAC_LENGTH, "Ethernet destination");
  const source = reader.take(MAC_LENGTH, "Ethernet source");
  let etherType = reader.u16("EtherType");
  let vlan: VlanTag | undefined;
  if (etherType === EtherType.VLAN) {
    const tag = reader.u16("802.1Q tag");
    vlan = { id: tag & 0x0fff, priority: tag >> 13, dropEligible: (tag & 0x1000) !== 0 };
    etherType = reader.u16("EtherType");
  }
  if (etherType < MIN_ETHER_TYPE) throw new DecodeError("EtherType", etherType, MIN_ETHER_TYPE);
  return { destination, source, vlan, etherType, payload: reader.rest() };
}

/** Short frames are not padded: the device does that. Throws EncodeError where a field does not fit. */
export function encodeEthernet(frame: EthernetFrame): Uint8Array {
  for (const mac of [frame.destination, frame.source])
    if (mac.length !== MAC_LENGTH) throw new EncodeError("Ethernet address length", mac.length, MAC_LENGTH);
  if (frame.etherType < MIN_ETHER_TYPE || (frame.etherType === EtherType.VLAN && frame.vlan === undefined))
    throw new EncodeError("EtherType", frame.etherType, "that of the payload");
  const writer = new Writer(14 + (frame.vlan ? 4 : 0) + frame.payload.length)
    .bytes(frame.destination, "Ethernet destination")
    .bytes(frame.source, "Ethernet source");
  if (frame.vlan) {
    const { id, priority, dropEligible } = frame.vlan;
    writer
      .u16(EtherType.VLAN, "802.1Q type")
      .u16(
        (inRange(priority, 7, "802.1Q priority") << 13) |
          (dropEligible ? 0x1000 : 0) |
          inRange(id, 0x0fff, "802.1Q id"),
        "802.1Q tag",
      );
  }
  return writer.u16(frame.etherType, "EtherType").bytes(frame.payload, "Ethernet payload").done();
}
