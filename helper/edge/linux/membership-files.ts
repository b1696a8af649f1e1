// The kernel's lists of multicast memberships: /proc/net/igmp, mcfilter, igmp6, mcfilter6. Pure parsers.
import { addressText } from "#wire/address.ts";
import type { Address } from "#wire/address.ts";

/** What the kernel counts of a group on an interface. */
export interface MembershipCounts {
  /** Sockets that have joined. */
  users: number;
  /** By source: how many sockets include it, and how many exclude it. */
  readonly sources: Map<Address, { include: number; exclude: number }>;
}

export interface MembershipFiles {
  readonly igmp: string;
  readonly mcfilter: string;
  readonly igmp6: string;
  readonly mcfilter6: string;
}

/** The groups of one interface. Lines that are no such thing (headings) are passed over. */
export function parseMemberships(files: MembershipFiles, index: number): Map<Address, MembershipCounts> {
  const groups = new Map<Address, MembershipCounts>();
  parseIgmp(files.igmp, index, groups);
  parseIgmp6(files.igmp6, index, groups);
  parseFilter(files.mcfilter, index, address4, groups);
  parseFilter(files.mcfilter6, index, address6, groups);
  return groups;
}

/**
 * "2 eth0 : 1 V3" heads an interface's groups, each an indented "010201EF 1 0:00000000 0": the address as the
 * machine's own 32-bit number (little-endian), sockets, timer, reporter. Tabs and blanks stand between fields.
 */
function parseIgmp(text: string, index: number, groups: Map<Address, MembershipCounts>): void {
  let current = 0;
  for (const line of text.split("\n")) {
    const head = /^(\d+)\s/.exec(line);
    if (head) current = Number(head[1]);
    const group = /^\s+([0-9A-F]{8})\s+(\d+)\s/.exec(line);
    if (!group || current !== index) continue;
    const address = addressText(Buffer.from(group[1]!, "hex").toReversed());
    groups.set(address, { users: Number(group[2]), sources: new Map() });
  }
}

/** "2    eth0            ff1e0000000000000000000000001234     1 00000004 0": sockets, flags, timer. */
function parseIgmp6(text: string, index: number, groups: Map<Address, MembershipCounts>): void {
  for (const line of text.split("\n")) {
    const match = /^(\d+)\s+\S+\s+([0-9a-f]{32})\s+(\d+)\s/.exec(line);
    if (match && Number(match[1]) === index)
      groups.set(addressText(Buffer.from(match[2]!, "hex")), { users: Number(match[3]), sources: new Map() });
  }
}

/** "  2   eth0 0xe8010203 0xc6336409      1      0": group, source, sockets that include and that exclude it. */
function parseFilter(
  text: string,
  index: number,
  address: (field: string) => Address | undefined,
  groups: Map<Address, MembershipCounts>,
): void {
  for (const line of text.split("\n")) {
    // The name is cut to six characters and may be anything without white space, so fields count from both ends.
    const fields = line.trim().split(/\s+/);
    if (fields.length !== 6 || Number(fields[0]) !== index) continue;
    const [group, source] = [address(fields[2]!), address(fields[3]!)];
    if (group === undefined || source === undefined) continue;
    groups.get(group)?.sources.set(source, { include: Number(fields[4]), exclude: Number(fields[5]) });
  }
}

function address4(field: string): Address | undefined {
  return /^0x[0-9a-f]{8}$/.test(field) ? addressText(Buffer.from(field.slice(2), "hex")) : undefined;
}

function address6(field: string): Address | undefined {
  return /^[0-9a-f]{32}$/.test(field) ? addressText(Buffer.from(field, "hex")) : undefined;
}

/** Of /proc/net/igmp: "2	eth0      :     3      V3" heads an interface's groups. */
export function parseIgmpVersion(igmp: string, index: number): number | undefined {
  for (const line of igmp.split("\n")) {
    const head = /^(\d+)\s.*\sV(\d)\s*$/.exec(line);
    if (head && Number(head[1]) === index) return Number(head[2]);
  }
  return undefined;
}
