import type { MembershipMessage, MembershipQuery } from "#wire/membership-message.ts";
import type { MembershipPacket } from "#wire/membership-packet.ts";

// Packets that Linux 6 sent, captured on a veth pair behind a bridge with a querier: its own codecs made them,
// so that they check both directions of ours.

export interface MembershipVector {
  readonly name: string;
  readonly hex: string;
  readonly packet: MembershipPacket;
}

const GENERAL_3: MembershipQuery = {
  kind: "query",
  version: 3,
  group: undefined,
  maxResponseMs: 10_000,
  suppress: false,
  robustness: 2,
  queryIntervalS: 10,
  sources: [],
};
const GENERAL_2: MembershipQuery = {
  kind: "query",
  version: 2,
  group: undefined,
  maxResponseMs: 10_000,
  suppress: false,
  robustness: 0,
  queryIntervalS: 0,
  sources: [],
};

function vector(
  name: string,
  family: 4 | 6,
  source: string,
  destination: string,
  message: MembershipMessage,
  hex: string,
): MembershipVector {
  return { name, hex, packet: { family, source, destination, hopLimit: 1, routerAlert: true, message } };
}

export const KERNEL_VECTORS: readonly MembershipVector[] = [
  vector(
    "IGMPv3 general query",
    4,
    "0.0.0.0",
    "224.0.0.1",
    GENERAL_3,
    `
      46c00024 00004000 01020413 00000000 e0000001 94040000
      1164ec91 00000000 020a0000`,
  ),
  vector(
    "IGMPv3 group-and-source-specific query",
    4,
    "0.0.0.0",
    "232.1.2.3",
    { ...GENERAL_3, group: "232.1.2.3", maxResponseMs: 1000, sources: ["192.0.2.8", "192.0.2.7"] },
    `
      46c0002c 00004000 0102fa07 00000000 e8010203 94040000
      110a7ed4 e8010203 020a0002 c0000208 c0000207`,
  ),
  vector(
    "IGMPv3 report of joins",
    4,
    "10.9.0.2",
    "224.0.0.22",
    {
      kind: "report",
      version: 3,
      records: [
        { type: "allow", group: "232.1.2.3", sources: ["192.0.2.7", "192.0.2.8"] },
        { type: "to-exclude", group: "239.1.2.3", sources: [] },
      ],
    },
    `
      46c00038 00004000 0102f9de 0a090002 e0000016 94040000
      220075e1 00000002 05000002 e8010203 c0000207 c0000208 04000000 ef010203`,
  ),
  vector(
    "IGMPv3 report of leaves",
    4,
    "10.9.0.2",
    "224.0.0.22",
    {
      kind: "report",
      version: 3,
      records: [
        { type: "block", group: "232.1.2.3", sources: ["192.0.2.8", "192.0.2.7"] },
        { type: "to-include", group: "239.1.2.3", sources: [] },
      ],
    },
    `
      46c00038 00004000 0102f9de 0a090002 e0000016 94040000
      220075e1 00000002 06000002 e8010203 c0000208 c0000207 03000000 ef010203`,
  ),
  vector(
    "IGMPv2 general query",
    4,
    "0.0.0.0",
    "224.0.0.1",
    GENERAL_2,
    `
      46c00020 00004000 01020417 00000000 e0000001 94040000
      1164ee9b 00000000`,
  ),
  vector(
    "IGMPv2 group-specific query, sent to all systems",
    4,
    "0.0.0.0",
    "224.0.0.1",
    { ...GENERAL_2, group: "232.1.2.3", maxResponseMs: 1000 },
    `
      46c00020 00004000 01020417 00000000 e0000001 94040000
      110a04f1 e8010203`,
  ),
  vector(
    "IGMPv2 report",
    4,
    "10.9.0.2",
    "232.1.2.3",
    { kind: "report-old", version: 2, group: "232.1.2.3" },
    `
      46c00020 00004000 0102f008 0a090002 e8010203 94040000
      1600fffa e8010203`,
  ),
  vector(
    "IGMPv2 leave",
    4,
    "10.9.0.2",
    "224.0.0.2",
    { kind: "leave", group: "239.1.2.3" },
    `
      46c00020 00004000 0102fa0a 0a090002 e0000002 94040000
      1700f7fa ef010203`,
  ),
  vector(
    "IGMPv1 report",
    4,
    "10.9.0.2",
    "232.1.2.3",
    { kind: "report-old", version: 1, group: "232.1.2.3" },
    `
      46c00020 00004000 0102f008 0a090002 e8010203 94040000
      120003fb e8010203`,
  ),
  vector(
    "MLDv2 address-specific query",
    6,
    "fe80::a090:f8ff:fee0:5fe3",
    "ff1e::1234",
    { ...GENERAL_3, group: "ff1e::1234", maxResponseMs: 1000 },
    `
      60000000 00240001 fe800000 00000000 a090f8ff fee05fe3 ff1e0000 00000000 00000000 00001234
      3a000502 00000000
      82005e3b 03e80000 ff1e0000 00000000 00000000 00001234 020a0000`,
  ),
  vector(
    "MLDv2 address-and-source-specific query",
    6,
    "fe80::a090:f8ff:fee0:5fe3",
    "ff3e::8000:1",
    { ...GENERAL_3, group: "ff3e::8000:1", maxResponseMs: 1000, sources: ["2001:db8::7"] },
    `
      60000000 00340001 fe800000 00000000 a090f8ff fee05fe3 ff3e0000 00000000 00000000 80000001
      3a000502 00000000
      8200548f 03e80000 ff3e0000 00000000 00000000 80000001 020a0001 20010db8 00000000 00000000 00000007`,
  ),
  vector(
    "MLDv2 report from the unspecified address",
    6,
    "::",
    "ff02::16",
    {
      kind: "report",
      version: 3,
      records: [{ type: "to-exclude", group: "ff02::1:ffe0:5fe3", sources: [] }],
    },
    `
      60000000 00240001 00000000 00000000 00000000 00000000 ff020000 00000000 00000000 00000016
      3a000502 00000100
      8f000ec7 00000001 04000000 ff020000 00000000 00000001 ffe05fe3`,
  ),
  vector(
    "MLDv2 report of joins",
    6,
    "fe80::5c90:9ff:fe83:35a9",
    "ff02::16",
    {
      kind: "report",
      version: 3,
      records: [
        { type: "allow", group: "ff3e::8000:1", sources: ["2001:db8::7"] },
        { type: "to-exclude", group: "ff1e::1234", sources: [] },
      ],
    },
    `
      60000000 00480001 fe800000 00000000 5c9009ff fe8335a9 ff020000 00000000 00000000 00000016
      3a000502 00000100
      8f0010d8 00000002 05000001 ff3e0000 00000000 00000000 80000001 20010db8 00000000 00000000 00000007 04000000 ff1e0000 00000000 00000000 00001234`,
  ),
  vector(
    "MLDv2 report of leaves",
    6,
    "fe80::5c90:9ff:fe83:35a9",
    "ff02::16",
    {
      kind: "report",
      version: 3,
      records: [
        { type: "block", group: "ff3e::8000:1", sources: ["2001:db8::7"] },
        { type: "to-include", group: "ff1e::1234", sources: [] },
      ],
    },
    `
      60000000 00480001 fe800000 00000000 5c9009ff fe8335a9 ff020000 00000000 00000000 00000016
      3a000502 00000100
      8f0010d8 00000002 06000001 ff3e0000 00000000 00000000 80000001 20010db8 00000000 00000000 00000007 03000000 ff1e0000 00000000 00000000 00001234`,
  ),
  vector(
    "MLDv1 address-specific query, sent to all nodes",
    6,
    "fe80::8b6:87ff:fe55:6031",
    "ff02::1",
    { ...GENERAL_2, group: "ff1e::1234", maxResponseMs: 1000 },
    `
      60000000 00200001 fe800000 00000000 08b687ff fe556031 ff020000 00000000 00000000 00000001
      3a000502 00000000
      82007bb0 03e80000 ff1e0000 00000000 00000000 00001234`,
  ),
  vector(
    "MLDv1 report",
    6,
    "fe80::d0e2:74ff:fe26:befc",
    "ff1e::1234",
    { kind: "report-old", version: 2, group: "ff1e::1234" },
    `
      60000000 00200001 fe800000 00000000 d0e274ff fe26befc ff1e0000 00000000 00000000 00001234
      3a000502 00000100
      83005880 00000000 ff1e0000 00000000 00000000 00001234`,
  ),
  vector(
    "MLDv1 done",
    6,
    "fe80::d0e2:74ff:fe26:befc",
    "ff02::2",
    { kind: "leave", group: "ff1e::1234" },
    `
      60000000 00200001 fe800000 00000000 d0e274ff fe26befc ff020000 00000000 00000000 00000002
      3a000502 00000100
      840069ce 00000000 ff1e0000 00000000 00000000 00001234`,
  ),
];
