import { EncodeError, inRange, Reader, Writer } from "#wire/cursor.ts";
import { IpProtocol } from "#wire/ip-protocol.ts";

/** RFC 8200 section 4.2. `data` is without the type and length bytes. */
export interface Ipv6Option {
  readonly type: number;
  readonly data: Uint8Array;
}

export type Ipv6Extension =
  | {
      readonly kind: "hop-by-hop" | "destination";
      /** Without Pad1 and PadN. */
      readonly options: readonly Ipv6Option[];
    }
  | {
      readonly kind: "routing";
      readonly routingType: number;
      readonly segmentsLeft: number;
      /** The type-specific data, 4 bytes more than a multiple of 8. */
      readonly data: Uint8Array;
    }
  | {
      readonly kind: "fragment";
      /** In bytes, a multiple of 8. */
      readonly offset: number;
      readonly more: boolean;
      readonly identification: number;
    };

const PAD1 = 0;
const PADN = 1;
const ROUTER_ALERT = 5; // RFC 2711 section 2.1
const FRAGMENT_OFFSET_MASK = 0xfff8;

/** "Datagram contains a Multicast Listener Discovery message", RFC 2711 section 2.1. */
export const IPV6_ROUTER_ALERT_MLD: Ipv6Option = { type: ROUTER_ALERT, data: Uint8Array.of(0, 0) };

/** Whether a hop-by-hop header is there with the Router Alert of MLD in it. */
export function hasRouterAlertMld(extensions: readonly Ipv6Extension[]): boolean {
  return extensions.some(
    (extension) =>
      extension.kind === "hop-by-hop" &&
      extension.options.some(
        ({ type, data }) => type === ROUTER_ALERT && data.length === 2 && data[0] === 0 && data[1] === 0,
      ),
  );
}

/** Whether a node that does not know this option must drop the packet (RFC 8200 section 4.2, highest two bits). */
export function dropsUnknown(option: Ipv6Option): boolean {
  return option.type >> 6 !== 0;
}

export function isExtension(nextHeader: number): boolean {
  return (
    nextHeader === IpProtocol.HOP_BY_HOP ||
    nextHeader === IpProtocol.ROUTING ||
    nextHeader === IpProtocol.FRAGMENT ||
    nextHeader === IpProtocol.DESTINATION_OPTIONS
  );
}

export function extensionNumber(extension: Ipv6Extension): number {
  if (extension.kind === "hop-by-hop") return IpProtocol.HOP_BY_HOP;
  if (extension.kind === "routing") return IpProtocol.ROUTING;
  return extension.kind === "fragment" ? IpProtocol.FRAGMENT : IpProtocol.DESTINATION_OPTIONS;
}

/** Reads one extension header of the kind that the number before it named. Throws DecodeError. */
export function decodeExtension(
  reader: Reader,
  number: number,
): { readonly nextHeader: number; readonly extension: Ipv6Extension } {
  const nextHeader = reader.u8("IPv6 next header");
  if (number === IpProtocol.FRAGMENT) {
    reader.skip(1, "IPv6 fragment header");
    const offsetAndFlags = reader.u16("IPv6 fragment offset");
    const identification = reader.u32("IPv6 fragment identification");
    const offset = offsetAndFlags & FRAGMENT_OFFSET_MASK;
    return {
      nextHeader,
      extension: { kind: "fragment", offset, more: (offsetAndFlags & 1) !== 0, identification },
    };
  }
  const length = 8 * reader.u8("IPv6 extension length") + 6; // RFC 8200 section 4.3: without the first 8 bytes
  const body = new Reader(reader.take(length, "IPv6 extension length"));
  if (number === IpProtocol.ROUTING) {
    const routingType = body.u8("IPv6 routing type");
    const segmentsLeft = body.u8("IPv6 segments left");
    return { nextHeader, extension: { kind: "routing", routingType, segmentsLeft, data: body.rest() } };
  }
  const kind = number === IpProtocol.HOP_BY_HOP ? "hop-by-hop" : "destination";
  return { nextHeader, extension: { kind, options: decodeOptions(body) } };
}

/** Throws EncodeError where a field does not fit. */
export function encodeExtension(extension: Ipv6Extension, nextHeader: number): Uint8Array {
  if (extension.kind === "fragment") {
    if (extension.offset % 8 !== 0)
      throw new EncodeError("IPv6 fragment offset", extension.offset, "a multiple of 8");
    return new Writer(8)
      .u8(nextHeader, "IPv6 next header")
      .u8(0, "IPv6 fragment header")
      .u16(extension.offset + (extension.more ? 1 : 0), "IPv6 fragment offset")
      .u32(extension.identification, "IPv6 fragment identification")
      .done();
  }
  const body = extension.kind === "routing" ? encodeRouting(extension) : encodeOptions(extension.options);
  return new Writer(2 + body.length)
    .u8(nextHeader, "IPv6 next header")
    .u8((body.length - 6) / 8, "IPv6 extension length")
    .bytes(body, "IPv6 extension")
    .done();
}

function encodeRouting(routing: Extract<Ipv6Extension, { kind: "routing" }>): Uint8Array {
  if (routing.data.length % 8 !== 4)
    throw new EncodeError("IPv6 routing data length", routing.data.length, "a multiple of 8, and 4");
  return new Writer(2 + routing.data.length)
    .u8(routing.routingType, "IPv6 routing type")
    .u8(routing.segmentsLeft, "IPv6 segments left")
    .bytes(routing.data, "IPv6 routing data")
    .done();
}

function decodeOptions(reader: Reader): Ipv6Option[] {
  const options: Ipv6Option[] = [];
  while (reader.remaining > 0) {
    const type = reader.u8("IPv6 option");
    if (type === PAD1) continue;
    const data = reader.take(reader.u8("IPv6 option length"), "IPv6 option");
    if (type !== PADN) options.push({ type, data });
  }
  return options;
}

function encodeOptions(options: readonly Ipv6Option[]): Uint8Array {
  const used = options.reduce((sum, option) => sum + 2 + option.data.length, 0);
  const padding = (((6 - used) % 8) + 8) % 8;
  inRange(used + padding, 8 * 0xff + 6, "IPv6 extension length");
  const writer = new Writer(used + padding);
  for (const { type, data } of options) {
    if (type <= PADN) throw new EncodeError("IPv6 option", type, "an option that is no padding");
    writer.u8(type, "IPv6 option").u8(data.length, "IPv6 option length").bytes(data, "IPv6 option");
  }
  if (padding === 1) writer.u8(PAD1, "IPv6 padding");
  if (padding > 1)
    writer
      .u8(PADN, "IPv6 padding")
      .u8(padding - 2, "IPv6 padding")
      .zeros(padding - 2, "IPv6 padding");
  return writer.done();
}
