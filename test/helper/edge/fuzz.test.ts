import { parseCapabilities } from "#edge/linux/capabilities.ts";
import { decodeEvent } from "#edge/linux/interfaces.ts";
import { parseMemberships } from "#edge/linux/membership-files.ts";
import { filtersOfOthers } from "#edge/linux/memberships.ts";
import {
  decodeAttributes,
  encodeAttributes,
  nested,
  NetlinkFormatError,
  text,
  u32,
} from "#edge/linux/netlink-attributes.ts";
import { decodeMessages, encodeMessage } from "#edge/linux/netlink.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import { fuzzParsers, parser } from "#test/support/fuzz/parsers.ts";
import { MEMBERSHIP_FILES, PROCESS_STATUS } from "./proc-files.ts";

const head = (hex: string): Buffer => Buffer.from(hex, "hex");
const LINK = Buffer.concat([
  head("00000100030000004310000000000000"),
  encodeAttributes([
    [1, head("020000000001")],
    [3, text("lan0")],
    [4, u32(1500)],
    [10, u32(7)],
    nested(18, [[1, text("bridge")]]),
  ]),
]);
const ADDRESS4 = Buffer.concat([head("0218000003000000"), encodeAttributes([[2, head("c0000201")]])]);
const ADDRESS6 = Buffer.concat([
  head("0a4000fd03000000"),
  encodeAttributes([[1, head("fe800000000000000000000000000001")]]),
]);
const ROUTE = Buffer.concat([
  head("02000000fe04000100000000"),
  encodeAttributes([
    [4, u32(3)],
    [6, u32(100)],
    [9, head("08000000030000000800000004000000")],
    [15, u32(254)],
  ]),
]);
const MESSAGES = [
  encodeMessage(16, 0, 0, LINK),
  encodeMessage(17, 0, 0, LINK),
  encodeMessage(20, 0, 0, ADDRESS4),
  encodeMessage(21, 0, 0, ADDRESS6),
  encodeMessage(24, 0, 0, ROUTE),
  Buffer.concat([encodeMessage(25, 0, 0, ROUTE), encodeMessage(16, 2, 7, LINK)]),
];

const asText = (input: Uint8Array): string => Buffer.from(input).toString("latin1");
const asBytes = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value, "latin1"));

// From the kernel, which is trusted; but a new kernel's messages are no reason to end.
fuzzParsers([
  parser({
    name: "netlink attributes",
    refuses: NetlinkFormatError,
    corpus: [LINK.subarray(16), ROUTE.subarray(12)],
    decode: (input) => decodeAttributes(Buffer.from(input)),
    again: (attributes) => decodeAttributes(encodeAttributes([...attributes])),
  }),
  parser({
    name: "netlink notifications",
    refuses: NetlinkFormatError,
    corpus: MESSAGES,
    decode: (input) => {
      const events = decodeMessages(Buffer.from(input)).map(decodeEvent);
      return events.some((event) => event !== undefined) ? events : undefined;
    },
  }),
  parser({
    name: "the kernel's lists of memberships",
    runs: 3_000,
    refuses: undefined,
    corpus: [asBytes(Object.values(MEMBERSHIP_FILES).join("\f"))],
    decode: (input) => {
      const [igmp = "", mcfilter = "", igmp6 = "", mcfilter6 = ""] = asText(input).split("\f");
      const counts = parseMemberships({ igmp, mcfilter, igmp6, mcfilter6 }, 2);
      const filters = filtersOfOthers(counts, new Map());
      return filters.size > 0 ? filters : undefined;
    },
  }),
  parser({
    name: "/proc/PID/status",
    refuses: Error,
    corpus: [asBytes(PROCESS_STATUS)],
    input: (random) => mutate(random, [asBytes(PROCESS_STATUS)]),
    decode: (input) => parseCapabilities(asText(input)),
  }),
]);
