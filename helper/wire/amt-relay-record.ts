// The data of an AMTRELAY record of DNS, RFC 8777 section 4.2: which relay has the streams of a source.
import { type Address, addressText } from "#wire/address.ts";
import { DecodeError, Reader } from "#wire/cursor.ts";
import { isDnsName } from "#wire/dns-name.ts";

export const AMTRELAY_TYPE = 260;

export interface AmtRelayRecord {
  /** 0 to 255; the lowest is tried first. */
  readonly precedence: number;
  /** D: the relay may be asked without being discovered first. */
  readonly discoveryOptional: boolean;
  /** undefined: there is none ("."). A name has no dot at its end. */
  readonly relay: { readonly address: Address } | { readonly name: string } | undefined;
}

/** Section 4.2.3. */
const RelayType = { NONE: 0, IPV4: 1, IPV6: 2, NAME: 3 } as const;
const MAX_LABEL = 63;

/** Throws DecodeError. */
export function decodeAmtRelayRecord(data: Uint8Array): AmtRelayRecord {
  const reader = new Reader(data);
  const precedence = reader.u8("precedence");
  const flags = reader.u8("D and type");
  const relay = readRelay(reader, flags & 0x7f);
  reader.end("AMTRELAY record");
  return { precedence, discoveryOptional: (flags & 0x80) !== 0, relay };
}

function readRelay(reader: Reader, type: number): AmtRelayRecord["relay"] {
  switch (type) {
    case RelayType.NONE:
      return undefined;
    case RelayType.IPV4:
      return { address: addressText(reader.take(4, "relay's address")) };
    case RelayType.IPV6:
      return { address: addressText(reader.take(16, "relay's address")) };
    case RelayType.NAME:
      return { name: readName(reader) };
    default:
      throw new DecodeError("type of relay", type, RelayType.NAME);
  }
}

/** Without compression, which a record that old servers do not know cannot have (RFC 3597 section 4). */
function readName(reader: Reader): string {
  const labels: string[] = [];
  for (let length; (length = reader.u8("length of a label")) > 0;) {
    if (length > MAX_LABEL) throw new DecodeError("length of a label", length, MAX_LABEL);
    const label = reader.take(length, "label");
    if (label.some((byte) => byte <= 0x20 || byte >= 0x7f || byte === 0x2e))
      throw new DecodeError("label", label.length, "printable characters");
    labels.push(String.fromCharCode(...label));
  }
  const name = labels.join(".");
  if (!isDnsName(name)) throw new DecodeError("name of a relay", name.length, "a name");
  return name;
}
