import * as fc from "fast-check";
import { addressText, type Address, type Family } from "#wire/address.ts";
import { decodeFloatCode, MAX_RESP_CODE_IGMP, MAX_RESP_CODE_MLD, QQIC } from "#wire/float-code.ts";
import type { Ipv4Header } from "#wire/ipv4.ts";
import type { Ipv6Extension } from "#wire/ipv6-extension.ts";
import type { Ipv6Header } from "#wire/ipv6.ts";
import type { GroupRecord, MembershipMessage, MembershipQuery } from "#wire/membership-message.ts";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

export const anyAddress = (family: Family): fc.Arbitrary<Address> =>
  bytesOf(family === 4 ? 4 : 16).map(addressText);

export const anyGroup = (family: Family): fc.Arbitrary<Address> =>
  bytesOf(family === 4 ? 4 : 16).map((bytes) => {
    bytes[0] = family === 4 ? 0xe0 | (bytes[0]! & 0x0f) : 0xff;
    return addressText(bytes);
  });

/** Not all zero at the front, so that it never is the unspecified address. */
export const anyLinkLocal: fc.Arbitrary<Address> = bytesOf(16).map((bytes) => {
  bytes.set([0xfe, 0x80]);
  return addressText(bytes);
});

const anyRecord = (family: Family): fc.Arbitrary<GroupRecord> =>
  fc.record({
    type: fc.constantFrom("is-include", "is-exclude", "to-include", "to-exclude", "allow", "block"),
    group: anyGroup(family),
    sources: fc.array(anyAddress(family), { maxLength: 8 }),
  });

/** Queries whose times their codes can say exactly. */
function anyQuery(family: Family): fc.Arbitrary<MembershipQuery> {
  const group = fc.option(anyGroup(family), { nil: undefined });
  const none = { suppress: false, robustness: 0, queryIntervalS: 0, sources: [] };
  const version2 = fc
    .record({ group, time: family === 4 ? fc.integer({ min: 1, max: 255 }).map((t) => t * 100) : u16 })
    .map(({ group, time }): MembershipQuery => ({
      kind: "query",
      version: 2,
      group,
      maxResponseMs: time,
      ...none,
    }));
  const version3 = fc
    .record({
      group,
      maxResponseMs:
        family === 4
          ? u8.map((code) => decodeFloatCode(MAX_RESP_CODE_IGMP, code) * 100)
          : u16.map((code) => decodeFloatCode(MAX_RESP_CODE_MLD, code)),
      suppress: fc.boolean(),
      robustness: fc.integer({ min: 0, max: 7 }),
      queryIntervalS: u8.map((code) => decodeFloatCode(QQIC, code)),
      sources: fc.array(anyAddress(family), { maxLength: 8 }),
    })
    .map(({ sources, ...rest }): MembershipQuery => ({
      kind: "query",
      version: 3,
      ...rest,
      sources: rest.group === undefined ? [] : sources,
    }));
  if (family === 6) return fc.oneof(version2, version3);
  const version1: MembershipQuery = {
    kind: "query",
    version: 1,
    group: undefined,
    maxResponseMs: 10_000,
    ...none,
  };
  return fc.oneof(fc.constant(version1), version2, version3);
}

export function anyMessage(family: Family): fc.Arbitrary<MembershipMessage> {
  return fc.oneof(
    anyQuery(family),
    fc.record({
      kind: fc.constant("report" as const),
      version: fc.constant(3 as const),
      records: fc.array(anyRecord(family), { maxLength: 8 }),
    }),
    fc.record({
      kind: fc.constant("report-old" as const),
      version: family === 4 ? fc.constantFrom(1 as const, 2 as const) : fc.constant(2 as const),
      group: anyGroup(family),
    }),
    fc.record({ kind: fc.constant("leave" as const), group: anyGroup(family) }),
  );
}

export const anyPayload = fc.uint8Array({ maxLength: 200 });

export const anyIpv4Header: fc.Arbitrary<Ipv4Header> = fc.record({
  trafficClass: u8,
  identification: u16,
  dontFragment: fc.boolean(),
  moreFragments: fc.constant(false),
  fragmentOffset: fc.integer({ min: 0, max: 8000 }).map((units) => units * 8),
  ttl: u8,
  protocol: u8,
  source: anyAddress(4),
  destination: anyAddress(4),
  options: fc.array(
    fc.record({ type: fc.integer({ min: 2, max: 255 }), data: fc.uint8Array({ maxLength: 8 }) }),
    { maxLength: 4 },
  ),
});

const anyOptions = fc.array(
  fc.record({ type: fc.integer({ min: 2, max: 255 }), data: fc.uint8Array({ maxLength: 40 }) }),
  { maxLength: 5 },
);

const anyLaterExtension: fc.Arbitrary<Ipv6Extension> = fc.oneof(
  fc.record({ kind: fc.constant("destination" as const), options: anyOptions }),
  fc.record({
    kind: fc.constant("routing" as const),
    routingType: u8,
    segmentsLeft: u8,
    data: fc.constantFrom(4, 12, 20).chain(bytesOf),
  }),
  fc.record({
    kind: fc.constant("fragment" as const),
    offset: fc.constant(0),
    more: fc.constant(false),
    identification: fc.nat(0xffff_ffff),
  }),
);

export const anyIpv6Header: fc.Arbitrary<Ipv6Header> = fc.record({
  trafficClass: u8,
  flowLabel: fc.nat(0xf_ffff),
  hopLimit: u8,
  source: anyAddress(6),
  destination: anyAddress(6),
  extensions: fc
    .tuple(
      fc.option(fc.record({ kind: fc.constant("hop-by-hop" as const), options: anyOptions })),
      fc.array(anyLaterExtension, { maxLength: 3 }),
    )
    .map(([first, later]): Ipv6Extension[] => (first ? [first, ...later] : later)),
  protocol: fc.constantFrom(2, 6, 17, 50, 51, 58, 59, 132),
});
