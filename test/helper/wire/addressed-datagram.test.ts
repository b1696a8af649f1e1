import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IpReassembly } from "#protocol/forwarding/ip-reassembly.ts";
import {
  decodeIpPart,
  encodeAddressed,
  type AddressedDatagram,
  type IpPart,
} from "#wire/addressed-datagram.ts";
import { DecodeError, EncodeError } from "#wire/cursor.ts";
import { encodeIpv6 } from "#wire/ipv6.ts";
import { decodeUdp } from "#wire/udp.ts";
import { anyAddress, anyGroup } from "./arbitraries.ts";
import { fromHex, toHex } from "./round-trip.ts";

function datagram(of: 4 | 6, size: number): AddressedDatagram {
  return {
    source: of === 4 ? "10.0.0.1" : "2001:db8::1",
    destination: of === 4 ? "239.1.2.3" : "ff1e::3",
    sourcePort: 5000,
    destinationPort: 1234,
    ttl: 64,
    payload: Uint8Array.from({ length: size }, (_, i) => i * 7),
  };
}

const read = (part: IpPart) => decodeUdp(part.payload, part.source, part.destination);
const parts = (size: number, identification = 7): IpPart[] =>
  encodeAddressed(datagram(6, size), identification).map(decodeIpPart);

describe("a datagram as IP packets", () => {
  test("IPv4, byte by byte: version, length, id, TTL, checksums, addresses, ports", () => {
    const [packet, ...more] = encodeAddressed(
      { ...datagram(4, 0), payload: Uint8Array.of(1, 2, 3) },
      0x12345,
    );
    expect(more).toEqual([]);
    const bytes = fromHex("4500001f 23450000 40115c84 0a000001 ef010203 138804d2 000be876 010203");
    expect(toHex(packet!)).toBe(toHex(bytes));
  });

  test("either family and any payload comes back, whole or in pieces that every IPv6 link carries", () => {
    const any = fc.constantFrom(4 as const, 6 as const).chain((of) =>
      fc.record({
        source: anyAddress(of),
        destination: anyGroup(of),
        sourcePort: fc.integer({ min: 0, max: 0xffff }),
        destinationPort: fc.integer({ min: 0, max: 0xffff }),
        ttl: fc.integer({ min: 0, max: 255 }),
        payload: fc.uint8Array({ maxLength: 5000 }),
      }),
    );
    fc.assert(
      fc.property(any, fc.nat(), (value, identification) => {
        const packets = encodeAddressed(value, identification);
        if (packets.length > 1) for (const packet of packets) expect(packet.length).toBeLessThanOrEqual(1280);
        else if (value.source.includes(":")) expect(packets[0]!.length).toBeLessThanOrEqual(1500);
        const reassembly = new IpReassembly();
        const whole = packets.map((packet) => reassembly.add(decodeIpPart(packet), 0));
        expect(whole.slice(0, -1).every((part) => part === undefined)).toBe(true);
        const { source, destination, ttl } = whole.at(-1)!;
        expect({ source, destination, ttl, ...read(whole.at(-1)!) }).toEqual(value);
      }),
    );
  });

  test("the largest payloads that UDP has; one byte more is our own fault", () => {
    expect(encodeAddressed(datagram(4, 65_507), 0)[0]).toHaveLength(65_535);
    expect(() => encodeAddressed(datagram(4, 65_508), 0)).toThrow(EncodeError);
    expect(encodeAddressed(datagram(6, 65_527), 0).length).toBeGreaterThan(50);
    expect(() => encodeAddressed(datagram(6, 65_528), 0)).toThrow(EncodeError);
  });

  test("headers behind the fragment header are refused: where the payload starts is not known then", () => {
    const [source, destination] = ["2001:db8::1", "ff1e::3"];
    const extensions = [
      { kind: "fragment", offset: 0, more: true, identification: 1 },
      { kind: "destination", options: [] },
    ] as const;
    const header = {
      trafficClass: 0,
      flowLabel: 0,
      hopLimit: 3,
      source,
      destination,
      extensions,
      protocol: 17,
    };
    expect(() => decodeIpPart(encodeIpv6(header, new Uint8Array(8)))).toThrow(DecodeError);
  });
});

describe("reassembly", () => {
  test("in any order, and with pieces that come twice", () => {
    const all = parts(6000);
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (order) => {
        const reassembly = new IpReassembly();
        const results = order
          .flatMap((part, i) => (i === order.length - 1 ? [part] : [part, part]))
          .map((part) => reassembly.add(part, 0));
        expect(results.filter(Boolean)).toHaveLength(1);
        expect(toHex(read(results.at(-1)!).payload)).toBe(toHex(datagram(6, 6000).payload));
        expect(reassembly.drops).toEqual({ timeout: 0, overflow: 0, malformed: 0 });
      }),
    );
  });

  test("packets of other ids do not mix", () => {
    const reassembly = new IpReassembly();
    const [a, b] = [parts(3000, 1), parts(3000, 2)];
    const results = [a[0]!, b[0]!, a[1]!, b[1]!, b[2]!, a[2]!].map((part) => reassembly.add(part, 0));
    expect(results.map(Boolean)).toEqual([false, false, false, false, true, true]);
  });

  test.each<[string, (all: IpPart[]) => IpPart[]]>([
    ["overlaps another piece", ([first, second]) => [first!, { ...second!, offset: second!.offset - 8 }]],
    ["ends behind the last", ([, second, third]) => [third!, { ...second!, offset: third!.offset + 800 }]],
    ["is a second end", ([, second, third]) => [third!, { ...second!, more: false }]],
    ["ends past 65,535", ([first]) => [{ ...first!, offset: 65_528 }]],
    ["is empty", ([first]) => [{ ...first!, payload: new Uint8Array(0) }]],
  ])("a piece that %s ends the packet", (_name, choose) => {
    const reassembly = new IpReassembly();
    for (const part of choose(parts(3000))) expect(reassembly.add(part, 0)).toBeUndefined();
    expect(reassembly.drops.malformed).toBe(1);
  });

  test("what stays unfinished gives way to newer packets, and is forgotten in time", () => {
    const reassembly = new IpReassembly();
    const [first, second, third] = parts(3000, 1000);
    reassembly.add(first!, 0);
    for (let id = 1; id <= 32; id++) reassembly.add(parts(3000, id)[0]!, 1);
    expect(reassembly.drops).toMatchObject({ overflow: 1, timeout: 0 });
    reassembly.add(second!, 2);
    expect(reassembly.add(third!, 2)).toBeUndefined(); // its first piece is gone
    reassembly.add(parts(3000, 2000)[0]!, 60_000);
    expect(reassembly.drops).toMatchObject({ overflow: 2, timeout: 32 });
  });
});
