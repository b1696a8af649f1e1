import { addressText, type Address } from "#wire/address.ts";

/** An IP packet that was seen passing. */
export interface PassedPacket {
  /** ns of CLOCK_MONOTONIC, which all namespaces share. */
  readonly at: number;
  /** The machine with the interface sent it. */
  readonly out: boolean;
  readonly version: 4 | 6;
  readonly source: Address;
  readonly destination: Address;
  /** A fragment: the first one has a UDP header, and ports, too. */
  readonly fragment: boolean;
  /** Of the header behind IPv6 hop-by-hop options and the fragment header. */
  readonly protocol: number;
  /** UDP alone; 0 otherwise. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly hopLimit: number;
  /** Of the IP packet. */
  readonly length: number;
  /** Its beginning. */
  readonly bytes: Uint8Array;
}

const HOP_BY_HOP = 0;
const UDP = 17;
const FRAGMENT = 44;

export function readPassed(line: {
  readonly at_ns: number;
  readonly out: boolean;
  readonly length: number;
  readonly bytes: string;
}): PassedPacket {
  const bytes = Uint8Array.fromHex(line.bytes);
  const view = new DataView(bytes.buffer);
  const common = { at: line.at_ns, out: line.out, length: line.length, bytes };
  const version = bytes[0]! >> 4 === 4 ? 4 : 6;
  if (version === 4) {
    const fragment = (view.getUint16(6) & 0x3fff) !== 0;
    const later = (view.getUint16(6) & 0x1fff) !== 0;
    const protocol = bytes[9]!;
    return {
      ...common,
      version,
      fragment,
      protocol,
      hopLimit: bytes[8]!,
      source: addressText(bytes.subarray(12, 16)),
      destination: addressText(bytes.subarray(16, 20)),
      ...ports(view, protocol === UDP && !later ? (bytes[0]! & 15) * 4 : undefined),
    };
  }
  let protocol = bytes[6]!;
  let at = 40;
  let fragment = false;
  let later = false;
  while (protocol === HOP_BY_HOP || protocol === FRAGMENT) {
    if (protocol === FRAGMENT) {
      fragment = true;
      later = view.getUint16(at + 2) >> 3 !== 0;
    }
    const length = protocol === FRAGMENT ? 8 : (bytes[at + 1]! + 1) * 8;
    protocol = bytes[at]!;
    at += length;
  }
  return {
    ...common,
    version,
    fragment,
    protocol,
    hopLimit: bytes[7]!,
    source: addressText(bytes.subarray(8, 24)),
    destination: addressText(bytes.subarray(24, 40)),
    ...ports(view, protocol === UDP && !later ? at : undefined),
  };
}

function ports(view: DataView, at: number | undefined): Pick<PassedPacket, "sourcePort" | "destinationPort"> {
  if (at === undefined || at + 4 > view.byteLength) return { sourcePort: 0, destinationPort: 0 };
  return { sourcePort: view.getUint16(at), destinationPort: view.getUint16(at + 2) };
}
