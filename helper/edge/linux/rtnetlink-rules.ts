// Policy rules by rtnetlink (linux/fib_rules.h).
import type { Family } from "#wire/address.ts";
import { AF_INET, AF_INET6 } from "./constants.ts";
import { decodeAttributes, encodeAttributes, readU32, u32, u8 } from "./netlink-attributes.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "./netlink.ts";
import type { NetlinkSocket } from "./netlink.ts";
import { ROUTE_PROTOCOL } from "./rtnetlink-routes.ts";

const RTM_NEWRULE = 32;
const RTM_DELRULE = 33;
const RTM_GETRULE = 34;

const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_PROTOCOL = 21;
const FR_ACT_TO_TBL = 1;
const FIB_RULE_INVERT = 0x2;
const RT_TABLE_COMPAT = 252;

const FIB_RULE_HDR = 12;

/** Whatever does not carry the mark looks into the table before it looks elsewhere. */
export interface UnmarkedRule {
  readonly family: Family;
  readonly priority: number;
  readonly mark: number;
  readonly table: number;
}

function ruleMessage({ family, priority, mark, table }: UnmarkedRule): Buffer {
  const head = Buffer.alloc(FIB_RULE_HDR);
  head[0] = family === 4 ? AF_INET : AF_INET6;
  head[4] = RT_TABLE_COMPAT;
  head[7] = FR_ACT_TO_TBL;
  head.writeUInt32LE(FIB_RULE_INVERT, 8);
  return Buffer.concat([
    head,
    encodeAttributes([
      [FRA_PRIORITY, u32(priority)],
      [FRA_FWMARK, u32(mark)],
      [FRA_FWMASK, u32(0xffffffff)],
      [FRA_TABLE, u32(table)],
      [FRA_PROTOCOL, u8(ROUTE_PROTOCOL)],
    ]),
  ]);
}

/** Is there a rule of ours that leads to the table? */
export function hasRule(netlink: NetlinkSocket, family: Family, table: number): boolean {
  const head = Buffer.alloc(FIB_RULE_HDR);
  head[0] = family === 4 ? AF_INET : AF_INET6;
  return netlink.dump("list rules", RTM_GETRULE, head).some(({ payload }) => {
    const attributes = decodeAttributes(payload.subarray(FIB_RULE_HDR));
    return readU32(attributes, FRA_TABLE) === table && attributes.get(FRA_PROTOCOL)?.[0] === ROUTE_PROTOCOL;
  });
}

export function addRule(netlink: NetlinkSocket, rule: UnmarkedRule): void {
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  netlink.request(`add rule ${rule.priority}`, RTM_NEWRULE, flags, ruleMessage(rule));
}

export function deleteRule(netlink: NetlinkSocket, rule: UnmarkedRule): void {
  netlink.request(`remove rule ${rule.priority}`, RTM_DELRULE, 0, ruleMessage(rule));
}
